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
];
