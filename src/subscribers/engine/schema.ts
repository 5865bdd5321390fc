/** No rebuild touches these: who was told what cannot be found out from the log. */
export const subscriberMigrations = [
  {
    name: '0001 subscribers',
    sql: `
create schema subscribers;
create table subscribers.checkpoints (
  name text primary key,
  -- Everything in the log up to here was handled, or is put aside.
  position bigint not null,
  -- Counts the instances that were the active one: a late write of a former one finds another epoch and changes nothing.
  epoch bigint not null default 0,
  -- The log that the position is of, and the last event before it, to know the log by.
  log_id uuid not null,
  last_event jsonb,
  -- Written before events are handled for the first time after a start, up to which position; taken back whatever comes of it. What is
  -- found here at the next start was being handled when the process ended.
  attempted bigint,
  attempts integer not null default 0,
  made_at timestamptz not null default now(),
  moved_at timestamptz not null default now()
);

-- Events put aside: by their place in the stream, never by content. The first of a stream is the one that could not be handled; the
-- others wait behind it.
create table subscribers.dead_letters (
  id uuid primary key,
  subscriber text not null references subscribers.checkpoints (name) on delete cascade,
  stream text not null,
  revision integer not null,
  event_id uuid not null,
  -- As it is told; the stored name of one that is not known.
  type text not null,
  put_aside_at timestamptz not null default now(),
  -- waiting: never tried, its turn is when there is none before it; failed: the others wait for somebody's decision; released: to be
  -- tried again; handled: just now, or the process ended of it.
  state text not null check (state in ('waiting', 'failed', 'released', 'handled')),
  attempts integer not null default 0,
  -- Of the last try.
  error text,
  failed_at timestamptz,
  unique (subscriber, stream, revision)
);
create index dead_letters_failed on subscribers.dead_letters (failed_at, id) where failed_at is not null;

-- What somebody has decided never to have handled, and why.
create table subscribers.skipped (
  id uuid primary key,
  subscriber text not null,
  stream text not null,
  revision integer not null,
  event_id uuid not null,
  type text not null,
  error text not null,
  attempts integer not null,
  reason text not null,
  skipped_by uuid not null,
  skipped_at timestamptz not null default now()
);
`,
  },
  {
    name: '0002 targets of subscribers',
    sql: `
-- Who moved the checkpoint, and how often it was moved other than by its subscriber: the active instance tells a move from a takeover by it.
alter table subscribers.checkpoints add column moved_by text, add column moves integer not null default 0;

-- How far each system that a subscriber sends to has come, to know it by when it comes back, or comes back empty.
create table subscribers.targets (
  subscriber text not null references subscribers.checkpoints (name) on delete cascade,
  -- Which system: a cluster's own id.
  system text not null,
  -- The part of it that is sent to: a topic.
  name text not null,
  position bigint not null,
  -- By partition, the offset behind the last message that was acknowledged.
  acknowledged jsonb not null default '{}',
  -- Whether it is the one that the checkpoint speaks of.
  is_current boolean not null,
  primary key (subscriber, system, name)
);
create unique index targets_current on subscribers.targets (subscriber) where is_current;
`,
  },
];
