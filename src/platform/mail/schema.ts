import type { Migration } from '../postgres/migrate.ts';

/**
 * Mails on their way, one for each recipient of what it tells of. A row holds ids alone: who it goes to and what it says is looked up when
 * it is sent, so that whoever is erased meanwhile is not written to, and nothing that opens a door is kept here.
 */
const outbox = `
create schema if not exists notifications;

create table notifications.mail_outbox (
  id bigint generated always as identity primary key,
  kind text not null,
  -- The event, or the link, that it tells of.
  source_id uuid not null,
  -- Null: nobody is to be written to, and nobody who watches is to see that by the time it takes.
  user_id uuid,
  -- Ids by which what it tells of is found.
  about jsonb not null default '{}',
  queued_at timestamptz(3) not null default now(),
  -- Not before then; while somebody is at it, when that one is taken for dead.
  due_at timestamptz not null default now(),
  attempts integer not null default 0,
  outcome text check (outcome in ('sent', 'dropped', 'refused', 'expired')),
  settled_at timestamptz(3),
  error text,
  unique (source_id, user_id),
  check ((outcome is null) = (settled_at is null))
);
create index mail_outbox_due on notifications.mail_outbox (due_at) where outcome is null;
create index mail_outbox_settled on notifications.mail_outbox (settled_at) where outcome is not null;`;

/** Who caused a mail to another user: they may cause so many an hour. */
const causes = `
alter table notifications.mail_outbox add caused_by uuid;
create index mail_outbox_of_cause on notifications.mail_outbox (caused_by, queued_at) where caused_by is not null;`;

export const mailMigrations: readonly Migration[] = [
  { name: '0001-outbox', sql: outbox },
  { name: '0002-causes-of-mails', sql: causes },
];
