/** A name is never given again once its account is erased. Kept as digests that lead to nobody; the tables themselves see to it. */
export const retiredUsernames = `
create table accounts.retired_usernames (digest bytea primary key);

create function accounts.username_digest(username text) returns bytea
  language sql immutable strict as $$ select sha256(convert_to(username, 'UTF8')) $$;

create function accounts.retire_username() returns trigger language plpgsql as $$
begin
  insert into accounts.retired_usernames values (accounts.username_digest(old.username)) on conflict do nothing;
  return null;
end $$;
create trigger retire_erased after update of username on accounts.users
  for each row when (old.username is not null and new.username is null) execute function accounts.retire_username();
create trigger retire_deleted after delete on accounts.users
  for each row when (old.username is not null) execute function accounts.retire_username();

-- After the row is in the unique index, which has waited for an erasure in progress: its retired name is seen then.
create function accounts.refuse_retired_username() returns trigger language plpgsql as $$
begin
  if exists (select from accounts.retired_usernames where digest = accounts.username_digest(new.username)) then
    raise unique_violation using message = 'this username belonged to an erased account', constraint = 'users_username_key';
  end if;
  return null;
end $$;
create trigger refuse_retired after insert or update of username on accounts.users
  for each row when (new.username is not null) execute function accounts.refuse_retired_username();`;

/**
 * Which account has had which usernames, as digests: by them a name that others wrote is recognized once the account is erased, and no
 * name that it has had is given again. A username that stays as it is is not judged again: its holder keeps it.
 */
export const heldUsernames = `
create table accounts.held_usernames (
  user_id uuid not null,
  digest bytea not null,
  primary key (user_id, digest)
);
create index held_usernames_digest on accounts.held_usernames (digest);
insert into accounts.held_usernames select id, accounts.username_digest(username) from accounts.users where username is not null;

create function accounts.hold_username() returns trigger language plpgsql as $$
begin
  insert into accounts.held_usernames values (new.id, accounts.username_digest(new.username)) on conflict do nothing;
  return null;
end $$;
create trigger hold after insert or update of username on accounts.users
  for each row when (new.username is not null) execute function accounts.hold_username();

create or replace function accounts.retire_username() returns trigger language plpgsql as $$
begin
  insert into accounts.retired_usernames select digest from accounts.held_usernames where user_id = old.id on conflict do nothing;
  return null;
end $$;

drop trigger refuse_retired on accounts.users;
create trigger refuse_retired after insert on accounts.users
  for each row when (new.username is not null) execute function accounts.refuse_retired_username();
create trigger refuse_retired_change after update of username on accounts.users
  for each row when (new.username is distinct from old.username and new.username is not null)
  execute function accounts.refuse_retired_username();`;
