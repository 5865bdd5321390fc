import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { EventStore } from '../../../../src/events/store/event-store.ts';
import { appendBatchText, encodeBatch } from '../../../../src/events/store/postgres/batch.ts';
import { createPool } from '../../../../src/platform/postgres/pool.ts';
import { anEvent, append, aStream } from '../../../contract/events.ts';
import { follow } from '../../../contract/follow.ts';
import { startTcpProxy } from '../../../support/tcp-proxy.ts';
import { aPostgresStore, type PostgresStore } from './a-postgres-store.ts';

let database: PostgresStore;
let store: EventStore;
let sql: pg.Client;
const ended = new AbortController();
beforeAll(async () => {
  database = await aPostgresStore();
  store = await database.open();
  sql = await database.connect();
});
afterAll(async () => {
  ended.abort();
  await database.close();
});

/** Appends as a process would that dies before its NOTIFY. */
async function appendSilently(): Promise<bigint> {
  const { rows } = await sql.query(appendBatchText, encodeBatch([append(aStream(), 'no_stream', anEvent())]));
  return BigInt(rows[0].head) + 1n;
}

test('events of a writer that never said a word are found within about a second', async () => {
  const subscriber = follow(store, await store.head(), ended.signal);
  await subscriber.caughtUp;
  await sleep(100);
  const position = await appendSilently();
  const appended = performance.now();
  await subscriber.reached(position);
  expect(performance.now() - appended).toBeLessThan(1_500);
});

test('a NOTIFY is not sent for every append', async () => {
  const listener = await database.connect();
  let heard = 0;
  listener.on('notification', () => heard++);
  await listener.query('listen event_log');
  const stream = aStream();
  for (let revision = 0; revision < 200; revision++)
    await store.append(append(stream, revision === 0 ? 'no_stream' : revision - 1, anEvent()));
  await sleep(50);
  expect(heard).toBeGreaterThan(0);
  expect(heard).toBeLessThan(150);
});

test('subscribers look for themselves while no connection for wake-ups can be had', async () => {
  const url = new URL(database.connectionString);
  const proxy = await startTcpProxy({ path: `${decodeURIComponent(url.hostname)}/.s.PGSQL.${url.port}` });
  url.host = `${proxy.host}:${proxy.port}`;
  const pool = createPool(database.connectionString, { max: 2, applicationName: 'tests', onError: () => {} });
  const cutOff = await database.open({ connectionString: url.href, pool });
  const subscriber = follow(cutOff, await store.head(), ended.signal);
  await subscriber.caughtUp;
  proxy.refuse();
  proxy.cut();
  for (let round = 0; round < 5; round++) {
    const { position } = await store.append(append(aStream(), 'no_stream', anEvent()));
    const appended = performance.now();
    await subscriber.reached(position);
    expect(performance.now() - appended).toBeLessThan(800);
  }
  await cutOff.close();
  await pool.end();
  await proxy.close();
});

test('a lost connection for wake-ups delays subscribers by no more than a poll, and is made anew', async () => {
  const other = await database.open();
  const subscriber = follow(store, await store.head(), ended.signal);
  await subscriber.caughtUp;
  const listeners =
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tasktrail wake-ups' and datname = current_database()";
  for (let round = 0; round < 3; round++) {
    expect((await sql.query(listeners)).rowCount).toBeGreaterThan(0);
    const { position } = await other.append(append(aStream(), 'no_stream', anEvent()));
    const appended = performance.now();
    await subscriber.reached(position);
    expect(performance.now() - appended).toBeLessThan(1_000);
    await sleep(600);
  }
});
