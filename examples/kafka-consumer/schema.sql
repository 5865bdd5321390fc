-- What was handled. The row is written in the transaction of the effect: a message that comes again finds it there.
create table if not exists inbox (
  event_id uuid primary key,
  handled_at timestamptz not null default now()
);
create index if not exists inbox_handled_at on inbox (handled_at);

-- The effect: every task with its status, as the last event left it.
create table if not exists board (
  task_id uuid primary key,
  title text,
  status text not null,
  -- Of the last event that is in the row: nothing older is ever put over it.
  revision integer not null,
  -- How many events are.
  changes integer not null
);
-- A deleted task stays here, so that nothing older brings it back.
alter table board add column if not exists deleted boolean not null default false;
