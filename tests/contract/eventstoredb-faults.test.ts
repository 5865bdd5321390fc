import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { BEGINNING, type EventStore, StoreUnavailable } from '../../src/events/store/event-store.ts';
import { type AnEventStoreDb, anEventStoreDb } from '../events/store/eventstoredb/an-eventstoredb.ts';
import { faultsAfter, startAppendLoad } from '../support/append-load.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { withEventStoreDb } from '../support/with-eventstoredb.ts';
import { anEvent, append, aStream } from './events.ts';
import { follow } from './follow.ts';

// Beyond the contract: what only this server does, or this client. Longer faults are in tests/faults.

const limits = { answerWithin: 1_000, patience: 1_000 };

withEventStoreDb(() => {
  let db: AnEventStoreDb;
  let ended: AbortController;
  let proxy: TcpProxy;
  let namespace: string;
  let tests = 0;
  beforeAll(async () => {
    db = await anEventStoreDb();
  }, 60_000);
  beforeEach(async () => {
    ended = new AbortController();
    proxy = await startTcpProxy({ host: '127.0.0.1', port: db.server.port });
    // One server, and a log of its own for each test.
    namespace = `faults-${++tests}:`;
    db.lines.length = 0;
  });
  afterEach(async () => {
    ended.abort();
    await proxy.close();
  });
  afterAll(() => db.close());

  async function timed(work: Promise<unknown>): Promise<[unknown, number]> {
    const begun = performance.now();
    const outcome = await work.catch((error: Error) => error);
    return [outcome, performance.now() - begun];
  }

  test('a frozen server: callers are told in time, nothing is lost or doubled when it thaws, and all goes on by itself', async () => {
    const store = await db.open({ namespace, limits });
    const subscriber = follow(store, BEGINNING, ended.signal);
    const load = startAppendLoad(store, 8, ended.signal);
    await load.more(50);
    db.server.freeze();
    await sleep(limits.answerWithin + limits.patience + 500);
    const asked = [store.append(append(aStream(), 'no_stream', anEvent())), store.readStream('task-1'), store.head()];
    for (const [outcome, waited] of await Promise.all(asked.map(timed))) {
      expect(outcome).toBeInstanceOf(StoreUnavailable);
      expect(waited).toBeLessThan(500);
    }
    db.server.thaw();
    await load.more(50);
    await load.stop();
    expect(load.refusals).toBeGreaterThan(0);
    expect(load.longestWait).toBeLessThan(limits.answerWithin + limits.patience + 1_500);
    await subscriber.reached(await store.head());
    expect(await faultsAfter(load, store, subscriber.events)).toEqual([]);
  });

  describe('an outage', () => {
    let store: EventStore;
    beforeEach(async () => {
      store = await db.open({ url: db.server.url(proxy.port), namespace, limits });
    });

    test('costs one line when it begins and one when it is over, however many are affected', async () => {
      const subscribers = [follow(store, BEGINNING, ended.signal), follow(store, BEGINNING, ended.signal)];
      await Promise.all(subscribers.map(({ caughtUp }) => caughtUp));
      const load = startAppendLoad(store, 8, ended.signal);
      await load.more(20);
      proxy.refuse();
      proxy.cut();
      await sleep(1_500);
      proxy.accept();
      await load.more(20);
      await load.stop();
      for (const subscriber of subscribers) await subscriber.reached(await store.head());
      expect(db.lines).toEqual([
        expect.stringMatching(/^EventStoreDB cannot be reached: ./),
        expect.stringMatching(/^EventStoreDB answers again after [1-4]\.\d s$/),
      ]);
    });

    test('does not keep the store from closing, nor what waits in it', async () => {
      const subscriber = follow(store, BEGINNING, ended.signal);
      await subscriber.caughtUp;
      proxy.refuse();
      proxy.cut();
      const waiting = Array.from({ length: 20 }, () => store.append(append(aStream(), 'no_stream', anEvent())).catch((error) => error));
      const [, closing] = await timed(store.close());
      expect(closing).toBeLessThan(limits.answerWithin + limits.patience + 1_500);
      for (const outcome of await Promise.all(waiting)) expect(outcome).toBeInstanceOf(StoreUnavailable);
      await subscriber.ended;
    });
  });

  test('what happens to the connection of one store leaves those of others in the process alone', async () => {
    const far = await db.open({ url: db.server.url(proxy.port), namespace });
    const near = await db.open({ namespace });
    const appending = (store: EventStore) => Array.from({ length: 200 }, () => store.append(append(aStream(), 'no_stream', anEvent())));
    const [cut, untouched] = [appending(far), appending(near)];
    await Promise.race(cut);
    proxy.cut();
    await Promise.all([...cut, ...untouched]);
    const [, waited] = await timed(Promise.all(appending(near)));
    // Nothing was waited for in vain, neither by an append nor by a watch.
    expect(waited).toBeLessThan(4_000);
    expect(db.lines.length).toBeLessThanOrEqual(2);
  });
});
