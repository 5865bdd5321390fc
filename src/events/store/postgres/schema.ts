import { appendFunctions } from './append-functions.ts';

/**
 * The tables of the event log, and of the key vault, which serves every store.
 *
 * An event's `origin` is the position of the first event of its stream, and stands for the stream in the index of revisions: names are
 * long and random, and an index that holds one for each event, or one on random event ids, halves the rate of appends at a few million
 * events. So a name is indexed once for each stream, and (origin, revision) grows where the streams of today are.
 *
 * Bodies are mostly ciphertext: compressing the long ones would cost time and gain nothing.
 */
const tables = `
create schema event_log;

create table event_log.log (
  only_one boolean primary key default true check (only_one),
  log_id uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  -- What the first event of all is numbered with.
  first_position bigint not null default 1 check (first_position > 0)
);
insert into event_log.log default values;

create table event_log.events (
  position bigint primary key,
  origin bigint not null,
  revision integer not null check (revision >= 0),
  stream text collate "C" not null,
  id uuid not null,
  type text collate "C" not null,
  metadata bytea not null,
  data bytea not null
);
alter table event_log.events alter column metadata set storage external, alter column data set storage external;
create unique index events_stream on event_log.events (stream) where revision = 0;
create unique index events_origin_revision on event_log.events (origin, revision);

create table event_log.data_keys (
  id uuid primary key,
  subject text collate "C" not null,
  wrapped bytea not null,
  created_at timestamptz not null default now()
);
-- Events name the keys of a task, so that nothing looks them up by subject: an index on random names would halve the rate of creations.
-- A person has one key for good; two instances may be about to make it at once.
create unique index data_keys_person on event_log.data_keys (subject) where starts_with(subject, 'user-');
`;

/**
 * A key that was destroyed leaves its row behind, empty: nobody can put it there again, nor make a person another one.
 */
const destroyedKeys = `
alter table event_log.data_keys add column destroyed_for uuid;
alter table event_log.data_keys add check ((wrapped = '') or destroyed_for is null);
-- Whoever has such a key in memory learns by it which ones to forget.
create index data_keys_destroyed on event_log.data_keys (destroyed_for) where destroyed_for is not null;
`;

/** The highest vocabulary of which there may be events in the log: a release with a lower one would stop at them. */
const vocabulary = `
create table event_log.vocabulary (
  only_one boolean primary key default true check (only_one),
  number integer not null check (number > 0)
);
insert into event_log.vocabulary (number) values (1);
`;

/** What is sealed here once proves the master key ever after. */
const installation = `
create table event_log.installation (
  only_one boolean primary key default true check (only_one),
  -- Random bytes, sealed by the master key.
  check_value bytea not null,
  -- Names the master key that sealed it.
  wrapped_by text not null,
  created_at timestamptz not null default now()
);
-- Names the master key, where that was changed since the key was made: null for the key that was the master key then.
alter table event_log.data_keys add column wrapped_by text;
`;

/**
 * The only ways in which a key is destroyed: each records for which person. They run as the owner of the log, for the role that serves
 * requests may change no key.
 */
const destroyKeys = `
create function event_log.destroy_keys(ids uuid[], person uuid) returns void
language sql security definer set search_path = pg_catalog as $$
  update event_log.data_keys set wrapped = '', destroyed_for = person where id = any(ids)
$$;
create function event_log.destroy_key_of_person(new_id uuid, person uuid) returns uuid
language sql security definer set search_path = pg_catalog as $$
  insert into event_log.data_keys (id, subject, wrapped, destroyed_for) values (new_id, 'user-' || person, '', person)
  on conflict (subject) where starts_with(subject, 'user-') do update set wrapped = '', destroyed_for = person
  returning id
$$;
`;

/** How many erasures and signed events there are to be found beside the database, sealed by the master key. */
const records = `
create table event_log.records (
  only_one boolean primary key default true check (only_one),
  counts bytea not null
);
`;

/** Which logs this database goes with: one in EventStoreDB, or what was copied from there, may be of another installation. */
const knownLogs = `
create table event_log.known_logs (
  log_id uuid primary key,
  known_since timestamptz not null default now()
);
insert into event_log.known_logs (log_id) select log_id from event_log.log;
`;

export const eventLogMigrations: { name: string; sql: string }[] = [
  { name: '001_tables', sql: tables },
  { name: '002_append', sql: appendFunctions },
  { name: '003_destroyed_keys', sql: destroyedKeys },
  { name: '004_vocabulary', sql: vocabulary },
  { name: 'installation_check_value', sql: installation },
  { name: 'destroy_keys', sql: destroyKeys },
  { name: 'records', sql: records },
  { name: 'known_logs', sql: knownLogs },
];
