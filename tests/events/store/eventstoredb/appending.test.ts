import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type EventStore, StoreOverloaded, StoreRefused, type WrappedKey } from '../../../../src/events/store/event-store.ts';
import { DatabaseUnavailable } from '../../../../src/platform/postgres/connection-failure.ts';
import { anEvent, append, aStream, aStreamOf, idsOf, outcomeOf } from '../../../contract/events.ts';
import { withEventStoreDb } from '../../../support/with-eventstoredb.ts';
import { type AnEventStoreDb, anEventStoreDb } from './an-eventstoredb.ts';

withEventStoreDb(() => {
  let db: AnEventStoreDb;
  let store: EventStore;
  beforeAll(async () => {
    db = await anEventStoreDb();
    store = await db.open();
  });
  afterAll(() => db.close());

  test.each([
    '{"of":"the contract"}',
    '{ "spaced": 1 }',
    '{"b":1,"2":2,"1":1}',
    '{"a":1,"a":2}',
    '{"n":1.0,"m":-0,"e":1e2}',
    '"text"',
    'null',
    '[]',
    '\ufeff{"marked":true}',
    '{"broken":',
    '{"lone":"\\ud800"}',
    '{"__proto__":{"x":1}}',
  ])('metadata come back byte by byte, though the client parses what it can: %s', async (text) => {
    const stream = aStream();
    const event = { ...anEvent(), metadata: Buffer.from(text) };
    await store.append(append(stream, 'no_stream', event));
    expect((await store.readStream(stream))[0]?.metadata).toEqual(event.metadata);
  });

  test('metadata that are no text come back as they are', async () => {
    const stream = aStream();
    // Three bytes that are no character, and would become one that takes three bytes.
    const event = { ...anEvent(), metadata: Buffer.from([0x22, 0xf0, 0x9f, 0x92, 0x22]) };
    await store.append(append(stream, 'no_stream', event));
    expect((await store.readStream(stream))[0]?.metadata).toEqual(event.metadata);
  });

  describe('an append that is too large', () => {
    test.each([
      ['for how the server is set', 2_000_000],
      ['for any server', 20_000_000],
    ])('%s is refused with a word on it, and disturbs no other', async (_, size) => {
      const stream = aStream();
      const beside = Array.from({ length: 20 }, () => outcomeOf(store.append(append(aStream(), 'no_stream', anEvent()))));
      const refused = await store.append(append(stream, 'no_stream', anEvent(Buffer.alloc(size)))).catch((error) => error);
      expect(refused).toBeInstanceOf(StoreRefused);
      expect(refused.message).toMatch(/larger than EventStoreDB is set to take/);
      expect(new Set(await Promise.all(beside))).toEqual(new Set(['appended']));
      expect(await store.readStream(stream)).toEqual([]);
    });
  });

  describe('data keys', () => {
    const key = (subject: string): WrappedKey => ({ id: randomUUID(), subject, wrapped: Buffer.from('wrapped') });

    test('are kept before the events that they seal are written', async () => {
      const stream = aStream();
      const seen: unknown[] = [];
      const saving = await db.open({
        async saveKeys(keys) {
          await sleep(50);
          seen.push(...keys, (await store.readStream(stream)).length);
        },
      });
      const newKeys = [key(stream), key(stream)];
      await saving.append({ ...append(stream, 'no_stream', anEvent()), newKeys });
      expect(seen).toEqual([...newKeys, 0]);
      expect(await store.readStream(stream)).toHaveLength(1);
    });

    test('that cannot be kept keep the events from being written', async () => {
      const stream = aStream();
      const saving = await db.open({ saveKeys: () => Promise.reject(new DatabaseUnavailable(new Error('gone'))) });
      const refused = saving.append({ ...append(stream, 'no_stream', anEvent()), newKeys: [key(stream)] });
      await expect(refused).rejects.toMatchObject({ name: 'StoreUnavailable', outcome: 'not_written' });
      expect(await store.readStream(stream)).toEqual([]);
      expect(await saving.append(append(stream, 'no_stream', anEvent()))).toMatchObject({ revision: 0 });
    });
  });

  describe('a stream that was deleted on the server', () => {
    let client: EventStoreDBClient;
    beforeAll(() => {
      client = EventStoreDBClient.connectionString(db.server.url());
    });
    afterAll(() => client.dispose());

    test('has no events, and numbers go on when it is begun again', async () => {
      const { stream } = await aStreamOf(store, 3);
      await client.deleteStream(stream);
      expect(await store.readStream(stream)).toEqual([]);
      expect(await store.append(append(stream, 2, anEvent()))).toMatchObject({ revision: 3 });
      expect(idsOf(await store.readStream(stream))).toHaveLength(1);
    });

    test('for good takes no more', async () => {
      const { stream } = await aStreamOf(store, 3);
      await client.tombstoneStream(stream);
      expect(await store.readStream(stream)).toEqual([]);
      await expect(store.append(append(stream, 2, anEvent()))).rejects.toThrow(/was deleted for good/);
    });
  });

  test('appends beyond what may wait are refused at once, and those that wait are written', async () => {
    const narrow = await db.open({ limits: { inFlight: 4, length: 10 } });
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, () => outcomeOf(narrow.append(append(aStream(), 'no_stream', anEvent())))),
    );
    expect(outcomes.filter((outcome) => outcome === 'appended')).toHaveLength(14);
    expect(outcomes.filter((outcome) => outcome === StoreOverloaded.name)).toHaveLength(16);
  });

  test('a server of the later name is the same', async () => {
    const renamed = await db.open({ url: db.server.url().replace('esdb', 'kurrentdb') });
    expect(renamed.logId).toBe(store.logId);
  });

  test('a connection string that cannot be read is not told to the log', async () => {
    await expect(db.open({ url: 'esdb://admin:se%cret@/' })).rejects.toThrow(/^The connection string of EventStoreDB is not well formed$/);
  });
});
