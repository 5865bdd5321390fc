import type { Migration } from '../platform/postgres/migrate.ts';
import { heldUsernames, retiredUsernames } from './username-schema.ts';

/**
 * People and how they prove who they are. Secrets and names live here alone, where they can be forgotten: an erased account keeps its
 * row, without anything personal in it.
 */
const people = `
create schema accounts;

create table accounts.users (
  id uuid primary key,
  email text check (char_length(email) <= 254),
  username text check (username = lower(username)),
  full_name text,
  password_hash text,
  role text not null check (role in ('user', 'admin')),
  is_active boolean not null default true,
  email_verified boolean not null default false,
  timezone text not null default 'UTC',
  created_at timestamptz(3) not null,
  erased_at timestamptz(3),
  -- The last revision given out in the account's event stream.
  log_revision integer not null,
  check (case when erased_at is null
    then num_nulls(email, username, full_name, password_hash) = 0
    else num_nonnulls(email, username, full_name, password_hash) = 0 and not is_active end)
);
create unique index users_email_key on accounts.users (lower(email));
create unique index users_username_key on accounts.users (username);

-- The first start of all, on whichever instance: it makes the first admin, and happens once.
create table accounts.first_start (
  only_row boolean primary key default true check (only_row),
  at timestamptz(3) not null
);`;

/** A session is one login, and the family of refresh tokens that descend from it. */
const sessions = `
create table accounts.sessions (
  id uuid primary key,
  user_id uuid not null references accounts.users on delete cascade,
  created_at timestamptz(3) not null,
  last_used_at timestamptz(3) not null,
  -- When its newest refresh token expires.
  expires_at timestamptz(3) not null,
  user_agent text not null,
  ip text not null,
  ended_at timestamptz(3),
  ended_by text check (ended_by in ('logout', 'token_reuse', 'password', 'revoked', 'disabled', 'erased')),
  check ((ended_at is null) = (ended_by is null))
);
create index sessions_of_user on accounts.sessions (user_id) where ended_at is null;
create index sessions_expiry on accounts.sessions (expires_at);

create table accounts.refresh_tokens (
  -- SHA-256 of the token, which is random and kept nowhere.
  digest bytea primary key,
  session_id uuid not null references accounts.sessions on delete cascade,
  expires_at timestamptz(3) not null,
  -- A used token that comes back was stolen, or the one that replaced it was.
  used_at timestamptz(3)
);
create index refresh_tokens_of_session on accounts.refresh_tokens (session_id);`;

/**
 * What other instances must forget. A change's number is given under the lock of the head's row, which is held until commit: numbers
 * become visible in their order and without gaps, so that a reader who has seen n never misses one below it.
 */
const changes = `
create table accounts.change_head (
  only_row boolean primary key default true check (only_row),
  number bigint not null
);
insert into accounts.change_head (number) values (0);

create table accounts.changes (
  number bigint primary key,
  user_id uuid not null,
  at timestamptz not null default now()
);

create function accounts.announce_change(of_user uuid) returns bigint language plpgsql as $$
declare given bigint;
begin
  update accounts.change_head set number = number + 1 returning number into given;
  insert into accounts.changes (number, user_id) values (given, of_user);
  perform pg_notify('accounts_changes', given::text);
  return given;
end $$;`;

/** Account facts on their way into the log, each with the place it will have in its stream. */
const outbox = `
create table accounts.outbox (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  -- Of the first of its events.
  revision integer not null,
  -- json, not jsonb: what is read back is what was written, byte for byte.
  events json not null,
  context json not null,
  written_at timestamptz not null default now(),
  attempts integer not null default 0,
  claimed_until timestamptz,
  error text,
  unique (user_id, revision)
);`;

/** Personal access tokens. One that was revoked is kept for a while, so that it is known what it was. */
const accessTokens = `
create table accounts.access_tokens (
  id uuid primary key,
  user_id uuid not null references accounts.users on delete cascade,
  name text not null,
  scopes text[] not null check (scopes <@ '{tasks:read,tasks:write,events:read,admin}'),
  -- SHA-256 of the token, which is random and kept nowhere.
  digest bytea not null unique,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3),
  ended_at timestamptz(3)
);
create index access_tokens_of_user on accounts.access_tokens (user_id) where ended_at is null;`;

/** Whoever cannot sign in for all those who try to asks where that person has signed in before. */
const addresses = `create index sessions_addresses on accounts.sessions (user_id, ip);`;

/** How the service was used and misused: each thing once a minute, with how often it happened. What was typed is not in it. */
const securityEvents = `
create table accounts.security_events (
  id uuid primary key,
  kind text not null,
  user_id uuid,
  actor_id uuid,
  ip text,
  code text,
  method text,
  path text,
  details json not null,
  request_id text not null,
  count integer not null,
  occurred_at timestamptz(3) not null,
  last_occurred_at timestamptz(3) not null
);
create index security_events_newest on accounts.security_events (occurred_at, id);
create index security_events_of_user on accounts.security_events (user_id, occurred_at, id) where user_id is not null;

create index users_newest on accounts.users (created_at, id) where erased_at is null;`;

/** Accounts that are erased, or about to be: what is left to do elsewhere is done from here. Ids alone. */
const erasures = `
create table accounts.erasures (
  user_id uuid primary key references accounts.users on delete cascade,
  transfer_to uuid,
  requested_by uuid not null,
  operation_id uuid not null,
  request_id text not null,
  requested_at timestamptz(3) not null,
  -- When the done went on its way into the log.
  recorded_at timestamptz(3),
  done_at timestamptz(3),
  -- When it was done once more, behind everything that was under way at the wish.
  settled_at timestamptz(3),
  -- When somebody was last at it.
  touched_at timestamptz not null default now()
);
create index erasures_unsettled on accounts.erasures (touched_at) where settled_at is null;`;

/**
 * Links that were mailed: who shows the token of one may do one thing, once. The token is not here. With them all that is known of people
 * for the sake of mails; what is personal in it goes with the account, whoever erases that.
 */
const mails = `
create schema if not exists notifications;

create table accounts.mail_links (
  id uuid primary key,
  purpose text not null check (purpose in ('password_reset', 'verification', 'email_change')),
  -- Null: nobody has the address that was typed. A foreign key would take a time that tells which it is.
  user_id uuid,
  new_email text check (char_length(new_email) <= 254),
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  check ((purpose = 'email_change') = (new_email is not null))
);
create index mail_links_of_user on accounts.mail_links (user_id);
create index mail_links_expiry on accounts.mail_links (expires_at);

-- Where the mail goes that tells of a changed address.
create table accounts.former_emails (
  event_id uuid primary key,
  user_id uuid not null references accounts.users on delete cascade,
  email text not null,
  was_verified boolean not null,
  changed_at timestamptz(3) not null
);
create index former_emails_of_user on accounts.former_emails (user_id);

-- Who has no row has changed nothing.
create table notifications.preferences (
  user_id uuid primary key references accounts.users on delete cascade,
  email_enabled boolean not null default true,
  -- HH:MM, in the time zone of the person.
  quiet_from text,
  quiet_to text,
  task_shared_with_me boolean not null default true,
  task_assigned_to_me boolean not null default true,
  comment_on_my_task boolean not null default true,
  mentioned boolean not null default true,
  task_due_soon boolean not null default true,
  task_completed boolean not null default false,
  check ((quiet_from is null) = (quiet_to is null))
);

create function accounts.forget_mails() returns trigger language plpgsql as $$
begin
  delete from accounts.mail_links where user_id = new.id;
  delete from accounts.former_emails where user_id = new.id;
  delete from notifications.preferences where user_id = new.id;
  return null;
end $$;
create trigger forget_mails_of_erased after update of erased_at on accounts.users
  for each row when (old.erased_at is null and new.erased_at is not null) execute function accounts.forget_mails();`;

/** Who may have webhooks: an address that an admin gave counts as proven for that, and tokens have a scope for it. */
const webhookRights = `
alter table accounts.users add email_given_by_admin boolean not null default false;
update accounts.users set email_given_by_admin = true where role = 'admin' and erased_at is null;

alter table accounts.access_tokens drop constraint access_tokens_scopes_check,
  add constraint access_tokens_scopes_check check (scopes <@ '{tasks:read,tasks:write,events:read,webhooks:manage,admin}');`;

/** Which SECRET_KEY the sessions were made under, by a name that reveals nothing of it. */
const secretKey = `
create table accounts.secret_key (
  only_one boolean primary key default true check (only_one),
  name bytea not null
);`;

/** The scope `admin` is granted by admins only, and ends with the role: what users have of it would wake with a promotion. */
const dormantAdminScopes = `
update accounts.access_tokens token set scopes = array_remove(scopes, 'admin')
  from accounts.users owner
 where owner.id = token.user_id and owner.role <> 'admin' and 'admin' = any(token.scopes);`;

/** The tables of accounts, in the schema `accounts`. */
export const accountMigrations: readonly Migration[] = [
  { name: '0001-people', sql: people },
  { name: '0002-retired-usernames', sql: retiredUsernames },
  { name: '0003-sessions', sql: sessions },
  { name: '0004-changes', sql: changes },
  { name: '0005-outbox', sql: outbox },
  { name: '0006-access-tokens', sql: accessTokens },
  { name: '0006-addresses-of-sessions', sql: addresses },
  { name: '0007-security-events', sql: securityEvents },
  { name: '0008-erasures', sql: erasures },
  { name: '0009-mails', sql: mails },
  { name: '0010-rights-to-webhooks', sql: webhookRights },
  { name: 'secret-key', sql: secretKey },
  { name: '0011-dormant-admin-scopes', sql: dormantAdminScopes },
  { name: 'held-usernames', sql: heldUsernames },
];
