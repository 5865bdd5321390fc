import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { createKeySaver } from '../../../src/events/keys/save-keys.ts';
import type { WrappedKey } from '../../../src/events/store/event-store.ts';
import { DatabaseUnavailable } from '../../../src/platform/postgres/connection-failure.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { makeEventLog } from '../../contract/open-postgres.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  await makeEventLog(database.connectionString);
  pool = createPool(database.connectionString, { max: 2, applicationName: 'tests', onError: () => {} });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const aKey = (subject = `task-${randomUUID()}`): WrappedKey => ({ id: randomUUID(), subject, wrapped: randomBytes(60) });

async function stored(keys: readonly WrappedKey[]): Promise<WrappedKey[]> {
  const text = 'select id, subject, wrapped from event_log.data_keys where id = any($1) order by array_position($1::uuid[], id)';
  return (await pool.query<WrappedKey>(text, [keys.map(({ id }) => id)])).rows;
}

/** Counts the statements that get through. */
function counting(): { pool: pg.Pool; statements(): number } {
  let statements = 0;
  const query = (...query: Parameters<pg.Pool['query']>) => {
    statements++;
    return pool.query(...query);
  };
  return { pool: { query } as unknown as pg.Pool, statements: () => statements };
}

test('keys are there when the call is fulfilled', async () => {
  const save = createKeySaver(pool);
  const keys = [aKey(), aKey()];
  await save(keys);
  expect(await stored(keys)).toEqual(keys);
});

test('calls that come while another is under way go together', async () => {
  const { pool: counted, statements } = counting();
  const save = createKeySaver(counted);
  const keys = Array.from({ length: 200 }, () => aKey());
  await Promise.all(keys.map((key, index) => new Promise(setImmediate).then(() => save(index % 2 === 0 ? [key] : [key, aKey()]))));
  expect(await stored(keys)).toEqual(keys);
  expect(statements()).toBeLessThan(10);
});

test('a key that is there already is left as it is', async () => {
  const save = createKeySaver(pool);
  const key = aKey();
  await save([key]);
  await save([{ ...key, wrapped: randomBytes(60) }, aKey()]);
  expect(await stored([key])).toEqual([key]);
});

test('what the database refuses fails alone', async () => {
  const save = createKeySaver(pool);
  const person = `user-${randomUUID()}`;
  await save([aKey(person)]);
  const keys = [aKey(), aKey(person), aKey()];
  const outcomes = await Promise.allSettled(keys.map((key) => save([key])));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await stored(keys)).toEqual([keys[0], keys[2]]);
});

test('a database that is away is told as such, to everybody, and later calls succeed', async () => {
  const gone = createPool('postgres://127.0.0.1:1/none', { max: 1, applicationName: 'tests', onError: () => {} });
  let reached = gone;
  const save = createKeySaver({ query: (...query: Parameters<pg.Pool['query']>) => reached.query(...query) } as unknown as pg.Pool);
  const outcomes = await Promise.allSettled([aKey(), aKey()].map((key) => save([key])));
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(DatabaseUnavailable) });
  reached = pool;
  const key = aKey();
  await save([key]);
  expect(await stored([key])).toEqual([key]);
  await gone.end();
});
