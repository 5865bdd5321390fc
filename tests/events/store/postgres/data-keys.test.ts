import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { EventStore, WrappedKey } from '../../../../src/events/store/event-store.ts';
import { anEvent, append, aStream, aStreamOf, outcomeOf } from '../../../contract/events.ts';
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

const aKey = (subject: string): WrappedKey => ({ id: randomUUID(), subject, wrapped: randomBytes(60) });
const keysOf = async (subject: string) =>
  (await sql.query<WrappedKey>('select id, subject, wrapped from event_log.data_keys where subject = $1 order by created_at', [subject]))
    .rows;

test('new keys are kept together with the events they seal', async () => {
  const stream = aStream();
  const keys = [aKey(stream), aKey(stream)];
  await store.append({ ...append(stream, 'no_stream', anEvent(), anEvent()), newKeys: keys });
  expect(await keysOf(stream)).toEqual(expect.arrayContaining(keys));
  expect(await keysOf(stream)).toHaveLength(2);
});

test('in a batch with a conflict only the keys of the appends that succeed are kept', async () => {
  const { stream: taken } = await aStreamOf(store, 2);
  const streams = [aStream(), taken, aStream(), aStream()];
  const keys = streams.map(aKey);
  const outcomes = await Promise.all(
    streams.map((stream, index) => outcomeOf(store.append({ ...append(stream, 'no_stream', anEvent()), newKeys: [keys[index]!] }))),
  );
  expect(outcomes).toEqual(['appended', 'WrongExpectedRevision', 'appended', 'appended']);
  for (const [index, stream] of streams.entries()) expect(await keysOf(stream)).toEqual(stream === taken ? [] : [keys[index]]);
});

test('an append that is repeated does not bring back a key that was destroyed since', async () => {
  const stream = aStream();
  const repeated = { ...append(stream, 'no_stream', anEvent()), newKeys: [aKey(stream)] };
  const first = await store.append(repeated);
  await sql.query('delete from event_log.data_keys where subject = $1', [stream]);
  expect(await store.append(repeated)).toEqual(first);
  expect(await keysOf(stream)).toEqual([]);
});

test('a key that two appends bring at once is kept once', async () => {
  const author = aStream('user');
  const key = aKey(author);
  const appending = [aStream(), aStream()].map((stream) => store.append({ ...append(stream, 'no_stream', anEvent()), newKeys: [key] }));
  expect(await Promise.all(appending)).toHaveLength(2);
  expect(await keysOf(author)).toEqual([key]);
});
