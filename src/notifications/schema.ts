import type { Migration } from '../platform/postgres/migrate.ts';

/**
 * What people are told, and how far that has come. Rows hold ids alone, and words of a closed list: names, titles and text are looked up
 * when they are shown. No rebuild touches them; they go with the account, whoever erases that.
 */
const inbox = `
create schema if not exists notifications;

create table notifications.inbox (
  id uuid primary key,
  user_id uuid not null,
  -- Of the event that it tells of; made of task and day where there is none. Each person is told once.
  source_id uuid not null,
  kind text not null,
  event_type text,
  task_id uuid,
  revision integer,
  -- Null: the service itself.
  actor_id uuid,
  details jsonb not null default '{}',
  created_at timestamptz(3) not null,
  read_at timestamptz(3),
  unique (source_id, user_id)
);
create index inbox_of_user on notifications.inbox (user_id, created_at, id);
create index inbox_unread on notifications.inbox (user_id, created_at, id) where read_at is null;
create index inbox_read on notifications.inbox (read_at) where read_at is not null;

-- The last day of theirs that people were told of what is due.
create table notifications.due_days (
  user_id uuid primary key,
  day date not null
);

create index mail_outbox_of_user on notifications.mail_outbox (user_id);

create function notifications.forget_notices() returns trigger language plpgsql as $$
begin
  delete from notifications.inbox where user_id = new.id;
  delete from notifications.due_days where user_id = new.id;
  delete from notifications.mail_outbox where user_id = new.id;
  return null;
end $$;
create trigger forget_notices_of_erased after update of erased_at on accounts.users
  for each row when (old.erased_at is null and new.erased_at is not null) execute function notifications.forget_notices();`;

/** The tables of notifications, beside those of mails and accounts, which come before them. */
export const notificationMigrations: readonly Migration[] = [{ name: '0001-inbox', sql: inbox }];
