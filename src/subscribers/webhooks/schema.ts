import type { Migration } from '../../platform/postgres/migrate.ts';

/**
 * Webhooks, and what is on its way to them: ids alone, for what is sent is rendered from the log when it is sent. An event is known by its
 * place in its stream, which it keeps when the log moves to another store.
 */
const webhooks = `
create schema webhooks;

create table webhooks.webhooks (
  id uuid primary key,
  user_id uuid not null references accounts.users on delete cascade,
  url text not null,
  -- By the grammar of filters of types.
  types text[] not null,
  description text not null,
  -- The address was given by a token without the scope \`admin\`: what its owner sees as an admin does not go there.
  without_admin boolean not null,
  active boolean not null default true,
  -- The event of its creation, or of its being made active again, was passed in the log: what comes behind that one is for it.
  begun boolean not null default false,
  -- Attempts that failed, one after another.
  failures integer not null default 0,
  disabled_at timestamptz(3),
  disabled_reason text,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  check (num_nulls(disabled_at, disabled_reason) in (0, 2) and (disabled_at is null or not active))
);
create index webhooks_of_user on webhooks.webhooks (user_id);

create table webhooks.secrets (
  id bigint generated always as identity primary key,
  webhook_id uuid not null references webhooks.webhooks on delete cascade,
  -- Under a key that is derived from the master key.
  sealed bytea not null,
  -- Until when one that was replaced signs along.
  ends_at timestamptz(3)
);
create index secrets_of_webhook on webhooks.secrets (webhook_id);

create table webhooks.deliveries (
  number bigint generated always as identity primary key,
  id uuid not null default gen_random_uuid() unique,
  webhook_id uuid not null references webhooks.webhooks on delete cascade,
  -- Events as they happen go in one lane; each replay, test and redelivery has its own.
  kind text not null default 'event' check (kind in ('event', 'test', 'redelivery', 'replay')),
  lane uuid not null default '00000000-0000-0000-0000-000000000000',
  event_id uuid not null,
  stream text not null,
  revision integer not null,
  type text not null,
  status text not null default 'waiting' check (status in ('waiting', 'delivered', 'failed', 'withheld', 'cancelled')),
  queued_at timestamptz(3) not null default now(),
  attempts integer not null default 0,
  first_attempt_at timestamptz(3),
  last_attempt_at timestamptz(3),
  next_attempt_at timestamptz(3),
  settled_at timestamptz(3),
  -- Of the last attempt.
  response_status integer,
  error text,
  duration_ms integer,
  unique (webhook_id, event_id, lane),
  check ((status = 'waiting') = (settled_at is null))
);
create index deliveries_log on webhooks.deliveries (webhook_id, queued_at, id);
create index deliveries_waiting on webhooks.deliveries (webhook_id, lane, stream, number) where status = 'waiting';
create index deliveries_settled on webhooks.deliveries (settled_at) where status <> 'waiting';

-- What is delivered one after another: how many wait, and when the first of them is due.
create table webhooks.queues (
  webhook_id uuid not null references webhooks.webhooks on delete cascade,
  lane uuid not null,
  stream text not null,
  waiting integer not null,
  -- Not before then; while somebody is at it, when that one is taken for dead.
  due_at timestamptz not null,
  claimed_until timestamptz,
  -- Counts the claims, so that a late word of an earlier one changes nothing.
  claims bigint not null default 0,
  -- Somebody asked for just this: it is tried once, whether or not the webhook is active.
  once boolean not null default false,
  primary key (webhook_id, lane, stream)
);
create index queues_due on webhooks.queues (webhook_id, due_at);
create index queues_claimed on webhooks.queues (webhook_id, claimed_until) where claimed_until is not null;

-- Whoever erases an account erases its webhooks.
create function webhooks.forget_webhooks() returns trigger language plpgsql as $$
begin
  delete from webhooks.webhooks where user_id = new.id;
  return null;
end $$;
create trigger forget_webhooks after update of erased_at on accounts.users
  for each row when (new.erased_at is not null) execute function webhooks.forget_webhooks();`;

/** What waits is found without reading what does not, and what waited when a webhook was not active is known as such. */
const cancellation = `
alter table webhooks.webhooks add activated_at timestamptz not null default now();
update webhooks.webhooks set activated_at = created_at;

create index queues_waiting on webhooks.queues (webhook_id) where waiting > 0;
create index queues_once on webhooks.queues (webhook_id, due_at) where once;`;

/** Whose doing it is that a webhook sends what it does where it does: the session or the token. Unknown: a session of before this was kept. */
const makers = `
alter table webhooks.webhooks add made_by_session uuid, add made_by_token uuid;
create index webhooks_of_token on webhooks.webhooks (made_by_token) where made_by_token is not null;`;

/** A webhook is locked before its queues, and these before their deliveries, by whatever deletes it; several are locked in the order of their ids. */
const lockOrder = `
create function webhooks.forget_queues() returns trigger language plpgsql as $$
begin
  delete from webhooks.queues where webhook_id = old.id;
  return old;
end $$;
create trigger forget_queues before delete on webhooks.webhooks for each row execute function webhooks.forget_queues();

create or replace function webhooks.forget_webhooks() returns trigger language plpgsql as $$
begin
  perform from webhooks.webhooks where user_id = new.id order by id for update;
  delete from webhooks.webhooks where user_id = new.id;
  return null;
end $$;`;

/** Names the master key, where that was changed since the secret was sealed. */
const wrappedBy = 'alter table webhooks.secrets add column wrapped_by text;';

export const webhookMigrations: readonly Migration[] = [
  { name: '0001-webhooks', sql: webhooks },
  { name: '0002-cancellation-of-deliveries', sql: cancellation },
  { name: '0003-makers-of-webhooks', sql: makers },
  { name: '0004-order-of-locks', sql: lockOrder },
  { name: 'secrets-say-which-key-sealed-them', sql: wrappedBy },
];
