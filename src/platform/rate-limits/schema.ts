import type { Migration } from '../postgres/migrate.ts';

// Unlogged: after a crash of the database everybody begins anew, and nothing of it goes into the write-ahead log.
const rateLimits = `
create schema rate_limits;

-- What each instance let through, told to the others a few times a second.
create unlogged table rate_limits.takings (
  instance uuid not null,
  -- By instance, without gaps.
  batch bigint not null,
  at timestamptz not null default now(),
  -- By the name of the window: key, slice and count by turns.
  counts text not null,
  primary key (instance, batch)
);

-- What is worth a statement each time: when it was let through, the oldest first.
create unlogged table rate_limits.attempts (
  -- SHA-256 of who made it: names and addresses are not kept.
  key bytea primary key,
  at timestamptz[] not null,
  -- Whether the last one was.
  let_through boolean not null,
  expires_at timestamptz not null
);
create index attempts_expiry on rate_limits.attempts (expires_at);`;

/** The tables of the rate limits, in the schema `rate_limits`. */
export const rateLimitMigrations: readonly Migration[] = [{ name: '0001-rate-limits', sql: rateLimits }];
