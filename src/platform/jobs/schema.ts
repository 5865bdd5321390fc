import type { Migration } from '../postgres/migrate.ts';

/** What is known of a job beyond what its queue knows: how far it has come, and how often it has begun. */
export const jobMigrations: readonly Migration[] = [
  {
    name: '0001_progress',
    sql: `
      create schema jobs;
      create table jobs.progress (
        job_id uuid primary key,
        done double precision not null default 0,
        attempts integer not null default 1,
        started_at timestamptz not null default now(),
        touched_at timestamptz not null default now()
      );`,
  },
  {
    name: '0002_results',
    sql: `
      -- What a job leaves for its result: ids and numbers, never text, so that an erasure has nothing to look for here.
      create table jobs.results (
        job_id uuid not null references jobs.progress on delete cascade,
        part integer not null,
        content jsonb not null,
        primary key (job_id, part)
      );`,
  },
];
