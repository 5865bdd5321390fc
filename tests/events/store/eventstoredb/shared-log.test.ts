import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  BEGINNING,
  type EventStore,
  type Position,
  type SubscriptionBatch,
  UnknownPosition,
} from '../../../../src/events/store/event-store.ts';
import { append, aStream, events, idsOf } from '../../../contract/events.ts';
import { follow } from '../../../contract/follow.ts';
import { withEventStoreDb } from '../../../support/with-eventstoredb.ts';
import { type AnEventStoreDb, anEventStoreDb } from './an-eventstoredb.ts';

withEventStoreDb(() => {
  let db: AnEventStoreDb;
  let store: EventStore;
  let others: EventStore;
  beforeAll(async () => {
    db = await anEventStoreDb();
    store = await db.open();
    others = await db.open({ namespace: 'others:' });
  });
  afterAll(() => db.close());

  const write = async (to: EventStore, count: number, name = 'task') => {
    const stream = aStream(name);
    let at: number | 'no_stream' = 'no_stream';
    for (let left = count; left > 0; left -= 500) ({ revision: at } = await to.append(append(stream, at, ...events(Math.min(left, 500)))));
    return stream;
  };

  async function untilCaughtUp(after: Position): Promise<SubscriptionBatch[]> {
    const batches: SubscriptionBatch[] = [];
    for await (const batch of store.subscribe({ after, signal: AbortSignal.timeout(10_000) })) {
      batches.push(batch);
      if (batch.caughtUp) break;
    }
    return batches;
  }

  test('a log without events of ours begins at the beginning, although the server has written events of its own', async () => {
    expect(await store.head()).toBe(BEGINNING);
    expect(await store.readAll({ after: BEGINNING, limit: 10 })).toEqual([]);
    expect(await untilCaughtUp(BEGINNING)).toEqual([{ events: [], position: BEGINNING, caughtUp: true }]);
  });

  test('the stream with the identity of the log can be read, and is not in the global order', async () => {
    expect(idsOf(await store.readStream('tasktrail-log'))).toEqual([store.logId]);
    expect(others.logId).not.toBe(store.logId);
    await write(store, 1);
    expect((await store.readAll({ after: BEGINNING, limit: 10 })).map(({ stream }) => stream.slice(0, 5))).toEqual(['task-']);
  });

  test('instances that open an empty log at once agree on its identity', async () => {
    const opened = await Promise.all(Array.from({ length: 5 }, () => db.open({ namespace: 'race:' })));
    expect(new Set(opened.map(({ logId }) => logId)).size).toBe(1);
  });

  test('tasks and users are in the global order, streams of others are not', async () => {
    const before = await store.head();
    const streams = [await write(store, 1, 'task'), await write(store, 1, 'user')];
    await write(others, 1, 'task');
    await write(store, 1, 'elsewhere');
    expect((await store.readAll({ after: before, limit: 10 })).map(({ stream }) => stream)).toEqual(streams);
  });

  describe('events of others', () => {
    test('in between are passed over, however many they are', async () => {
      const before = await store.head();
      const written: string[] = [];
      for (let round = 0; round < 2; round++) {
        written.push(await write(store, 1));
        await write(others, 3_000);
      }
      written.push(await write(store, 1));
      expect((await store.readAll({ after: before, limit: 10 })).map(({ stream }) => stream)).toEqual(written);
      const batches = await untilCaughtUp(before);
      expect(batches.flatMap((batch) => batch.events.map(({ stream }) => stream))).toEqual(written);
      expect(batches.at(-1)?.position).toBe(await store.head());
      expect(await (await db.open()).head()).toBe(await store.head());
    });

    test('behind our last one: the head stays ours, and no checkpoint is written for a few of them', async () => {
      const { position } = await store.append(append(aStream('task'), 'no_stream', ...events(1)));
      await write(others, 100);
      expect(await store.head()).toBe(position);
      expect((await untilCaughtUp(position)).map((batch) => batch.position)).toEqual([position]);
    });

    test('behind our last one, and many: a subscriber is told of a position behind them, from where little is left to read', async () => {
      const { position } = await store.append(append(aStream('task'), 'no_stream', ...events(1)));
      await write(others, 5_000);
      const first = await untilCaughtUp(position);
      const reached = first.at(-1)!.position;
      expect(await store.head()).toBe(position);
      expect(reached).toBe(await store.end());
      expect(first.flatMap((batch) => batch.events)).toEqual([]);
      await write(others, 30);
      expect((await untilCaughtUp(reached)).at(-1)?.position).toBe(reached);
      const { position: next } = await store.append(append(aStream('task'), 'no_stream', ...events(1)));
      expect((await untilCaughtUp(reached)).flatMap((batch) => batch.events).map((event) => event.position)).toEqual([next]);
    });

    test('move a live subscriber on as well, and never back', async () => {
      const ended = new AbortController();
      const positions: Position[] = [];
      const subscriber = follow(store, await store.head(), ended.signal);
      await subscriber.caughtUp;
      const watching = (async () => {
        for await (const batch of store.subscribe({ after: BEGINNING, signal: ended.signal })) positions.push(batch.position);
      })();
      await write(others, 8_000);
      const { position } = await store.append(append(aStream('task'), 'no_stream', ...events(1)));
      await subscriber.reached(position);
      ended.abort();
      await watching;
      expect(subscriber.events.map((event) => event.position)).toEqual([position]);
      expect(positions).toEqual([...positions].sort((a, b) => Number(a - b)));
    });
  });

  describe('a position that the log has not given out', () => {
    test('is refused when it lies within an event', async () => {
      const { position } = await store.append(append(aStream('task'), 'no_stream', ...events(1)));
      await write(store, 1);
      await expect(store.readAll({ after: position + 1n, limit: 1 })).rejects.toThrow(UnknownPosition);
      await expect(untilCaughtUp(position + 1n)).rejects.toThrow(UnknownPosition);
    });

    test.each([2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 10n ** 29n])(
      'has nothing after it when it is beyond the end: %s',
      async (position) => {
        expect(await store.readAll({ after: position, limit: 1 })).toEqual([]);
      },
    );
  });
});
