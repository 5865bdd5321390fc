import type { Migration } from '../platform/postgres/migrate.ts';

/** Uploads that are under way, as far as a user's quota is concerned. */
export const uploadMigrations: readonly Migration[] = [
  {
    name: '0001_reservations',
    sql: `
      create schema uploads;
      create table uploads.reservations (
        id uuid primary key,
        user_id uuid not null,
        bytes bigint not null,
        -- Once the upload is whole: what its file is called in the read model, which counts it from then on.
        file_id uuid,
        touched_at timestamptz not null default now()
      );
      create index reservations_user on uploads.reservations (user_id);`,
  },
];
