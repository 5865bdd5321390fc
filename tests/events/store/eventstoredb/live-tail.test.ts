import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { EventStore } from '../../../../src/events/store/event-store.ts';
import { Connection } from '../../../../src/events/store/eventstoredb/connection.ts';
import { ForeignEvents } from '../../../../src/events/store/eventstoredb/foreign-events.ts';
import { LiveTail } from '../../../../src/events/store/eventstoredb/live-tail.ts';
import { namesIn } from '../../../../src/events/store/eventstoredb/names.ts';
import { LogReader } from '../../../../src/events/store/eventstoredb/read-log.ts';
import { SharedPages } from '../../../../src/events/store/eventstoredb/shared-pages.ts';
import { subscribe } from '../../../../src/events/store/eventstoredb/subscription.ts';
import { anEvent, append, aStream, idsOf } from '../../../contract/events.ts';
import { follow } from '../../../contract/follow.ts';
import { startAppendLoad } from '../../../support/append-load.ts';
import { withEventStoreDb } from '../../../support/with-eventstoredb.ts';
import { type AnEventStoreDb, anEventStoreDb } from './an-eventstoredb.ts';

withEventStoreDb(() => {
  let db: AnEventStoreDb;
  let store: EventStore;
  let ended: AbortController;
  beforeAll(async () => {
    db = await anEventStoreDb();
    store = await db.open();
  });
  beforeEach(() => {
    ended = new AbortController();
  });
  afterEach(() => ended.abort());
  afterAll(() => db.close());

  test('a live subscription that has gone silent is noticed and begun anew, and subscribers get what it did not bring', async () => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const connection = new Connection({ url: db.server.url(), answerWithin: 5_000, log });
    const reader = new LogReader({ connection, names: namesIn(''), foreign: new ForeignEvents(log) });
    // It asks the server for other streams than ours, so nothing of ours ever comes by it.
    const tail = new LiveTail({ connection, reader, names: { ...namesIn(''), prefixes: ['nothing:'] }, log });
    const after = await reader.head();
    const pages = new SharedPages((from) => reader.page(from, { count: 2_000, bytes: 2 ** 22 }));
    const subscription = subscribe({ connection, pages, tail }, after, ended.signal);
    const silent = follow({ ...store, subscribe: () => subscription }, after, ended.signal);
    await silent.caughtUp;
    await sleep(500);
    const { position } = await store.append(append(aStream('task'), 'no_stream', anEvent()));
    const appended = performance.now();
    await silent.reached(position);
    expect(performance.now() - appended).toBeLessThan(5_000);
    expect(lines).toEqual(['EventStoreDB: the live subscription is begun anew: it has gone silent, and there is more in the log']);
    ended.abort();
    await silent.ended;
    await tail.close();
    await connection.close();
  });

  test('a subscriber that falls far behind misses nothing, and costs those beside it nothing', async () => {
    const before = await store.head();
    const hasty = follow(store, before, ended.signal);
    const slow = follow(store, before, ended.signal, () => sleep(100));
    const stuck = Promise.withResolvers<void>();
    const stopped = follow(store, before, ended.signal, () => stuck.promise);
    const load = startAppendLoad(store, 32, ended.signal);
    await load.more(2_500);
    await load.stop();
    const head = await store.head();
    await hasty.reached(head);
    expect(hasty.events).toHaveLength(load.acknowledged.size * 2);
    await slow.reached(head);
    expect(idsOf(slow.events)).toEqual(idsOf(hasty.events));
    expect(stopped.events.length).toBeLessThanOrEqual(2_000);
    stuck.resolve();
    await stopped.reached(head);
    expect(idsOf(stopped.events)).toEqual(idsOf(hasty.events));
  });

  test('a subscriber that begins while others write misses nothing at the change from pages to the live subscription', async () => {
    const before = await store.head();
    const load = startAppendLoad(store, 8, ended.signal);
    await load.more(20);
    const subscribers = [];
    for (let n = 0; n < 40; n++) {
      subscribers.push(follow(store, before, ended.signal));
      await sleep(10);
    }
    await load.stop();
    const head = await store.head();
    const log = idsOf(await store.readAll({ after: before, limit: 100_000 }));
    for (const subscriber of subscribers) {
      await subscriber.reached(head);
      expect(idsOf(subscriber.events)).toEqual(log);
    }
  });
});
