import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import type { EventStore } from '../../../../src/events/store/event-store.ts';
import { adoptLogId, importEvents, NotNext } from '../../../../src/events/store/postgres/import-events.ts';
import { createPostgresEventStore } from '../../../../src/events/store/postgres/postgres-event-store.ts';
import { eventLogMigrations } from '../../../../src/events/store/postgres/schema.ts';
import { migrate } from '../../../../src/platform/postgres/migrate.ts';
import { anEvent, append, aStream } from '../../../contract/events.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;
let store: EventStore;

beforeAll(async () => {
  database = await createTestDatabase();
  const { connectionString } = database;
  pool = new pg.Pool({ connectionString, max: 2 });
  await migrate(pool, [{ part: 'event_log', migrations: eventLogMigrations }]);
  store = await createPostgresEventStore({ connectionString, log: () => {} });
});
afterAll(async () => {
  await store.close();
  await pool.end();
  await database.drop();
});

const at = (stream: string, revision: number) => ({ ...anEvent(`${stream} ${revision}`), stream, revision });
const everything = () => store.readAll({ after: 0n, limit: 10_000 });

describe('importing events', () => {
  test('an empty log takes over an identity; one with events keeps its own', async () => {
    const id = '00000000-0000-4000-8000-0000000000aa';
    await adoptLogId(pool, id);
    await importEvents(pool, [at(aStream(), 0)]);
    await adoptLogId(pool, '00000000-0000-4000-8000-0000000000bb');
    const again = await createPostgresEventStore({ connectionString: database.connectionString, log: () => {} });
    expect(again.logId).toBe(id);
    await again.close();
  });

  test('puts them into the log in just the order given, streams mixed, across batches, and appends go on from there', async () => {
    const [one, other] = [aStream(), aStream()];
    const before = (await everything()).length;
    const first = [at(one, 0), at(other, 0), at(one, 1), at(one, 2), at(other, 1)];
    const second = [at(other, 2), ...Array.from({ length: 2_500 }, (_, n) => at(one, n + 3))];
    await importEvents(pool, first);
    await importEvents(pool, second);
    const imported = (await everything()).slice(before);
    expect(imported.map(({ position: _, ...event }) => event)).toEqual([...first, ...second]);
    expect((await store.readStream(one)).map(({ revision }) => revision)).toEqual(Array.from({ length: 2_503 }, (_, n) => n));
    expect(await store.append(append(other, 2, anEvent()))).toMatchObject({ revision: 3 });
    await expect(store.append(append(one, 2, anEvent()))).rejects.toMatchObject({ name: 'WrongExpectedRevision', actual: 2_502 });
  });

  test.each<[string, (stream: string) => ReturnType<typeof at>[]]>([
    ['a revision that is left out', (stream) => [at(stream, 0), at(stream, 2)]],
    ['a stream that does not begin', (stream) => [at(stream, 1)]],
    ['a revision that comes twice', (stream) => [at(stream, 0), at(stream, 0)]],
    ['a revision that comes before the one before it', (stream) => [at(stream, 0), at(stream, 2), at(stream, 1)]],
  ])('refuses %s, and writes nothing of the batch', async (_, eventsOf) => {
    const before = await store.head();
    await expect(importEvents(pool, [at(aStream(), 0), ...eventsOf(aStream())])).rejects.toBeInstanceOf(NotNext);
    expect(await store.head()).toBe(before);
  });

  test('refuses names that are not well formed', async () => {
    await expect(importEvents(pool, [at('a "stream"', 0)])).rejects.toBeInstanceOf(TypeError);
  });
});
