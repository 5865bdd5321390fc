import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { EventStore } from '../../../../src/events/store/event-store.ts';
import { anEvent, append, aStream, aStreamOf, events } from '../../../contract/events.ts';
import { aPostgresStore, type PostgresStore } from './a-postgres-store.ts';

let database: PostgresStore;
let store: EventStore;
let sql: pg.Client;
beforeAll(async () => {
  database = await aPostgresStore();
  store = await database.open();
  sql = await database.connect();
});
afterAll(() => database.close());

test('statements whose plans were made while the log was empty never scan it when it is long', async () => {
  await sql.query('alter table event_log.events set (autovacuum_enabled = off)');
  const use = async () => {
    const { stream } = await aStreamOf(store, 3);
    await store.append(append(stream, 2, ...events(2)));
    await store.append(append(stream, 1, anEvent())).catch(() => {});
    await store.append(append(aStream(), 7, anEvent())).catch(() => {});
    await store.readStream(stream);
    await store.readStream(stream, { direction: 'backwards', limit: 1 });
    await store.readAll({ after: (await store.head()) - 2n, limit: 10 });
  };
  // More often than a prepared statement is planned anew.
  for (let round = 0; round < 10; round++) await use();
  for (let round = 0; round < 20; round++) await aStreamOf(store, 500);
  const scanned = async () => {
    await sql.query('select pg_stat_clear_snapshot()');
    return Number((await sql.query("select seq_tup_read from pg_stat_user_tables where relname = 'events'")).rows[0].seq_tup_read);
  };
  const before = await scanned();
  for (let round = 0; round < 10; round++) await use();
  // The counts are passed on when a server process ends.
  await store.close();
  await sleep(300);
  expect((await scanned()) - before).toBeLessThan(100);
});
