import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { BEGINNING, type EventStore, StoreUnavailable } from '../../src/events/store/event-store.ts';
import { type Follower, follow } from '../contract/follow.ts';
import { type AnEventStoreDb, anEventStoreDb } from '../events/store/eventstoredb/an-eventstoredb.ts';
import { type AppendLoad, faultsAfter, startAppendLoad } from '../support/append-load.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { withEventStoreDb } from '../support/with-eventstoredb.ts';

// A real server on disk, flushing, with the limits that the service has; two subscribers follow 32 writers through each fault.

const WRITERS = 32;
/** Answer awaited, patience, and what a busy machine adds. */
const TOLD_WITHIN = 12_000;

withEventStoreDb(() => {
  let db: AnEventStoreDb;
  let proxy: TcpProxy;
  let store: EventStore;
  let ended: AbortController;
  let load: AppendLoad;
  let subscribers: Follower[];

  beforeEach(async () => {
    db = await anEventStoreDb({ durable: true });
    proxy = await startTcpProxy({ host: '127.0.0.1', port: db.server.port });
    store = await db.open({ url: db.server.url(proxy.port) });
    ended = new AbortController();
    subscribers = [0, 5].map((slowness) => follow(store, BEGINNING, ended.signal, () => sleep(slowness)));
    load = startAppendLoad(store, WRITERS, ended.signal);
    await load.more(500);
  });
  afterEach(async () => {
    ended.abort();
    await db.close();
    await proxy.close();
  });

  async function expectNothingLostOrDoubled(): Promise<void> {
    await load.more(500);
    await load.stop();
    const head = await store.head();
    for (const subscriber of subscribers) {
      await subscriber.reached(head);
      expect(await faultsAfter(load, store, subscriber.events)).toEqual([]);
    }
    expect(load.longestWait).toBeLessThan(TOLD_WITHIN);
  }

  test('killed and started again ten times', async () => {
    for (let n = 0; n < 10; n++) {
      await load.more(200);
      await db.server.restart(n * 200);
    }
    await expectNothingLostOrDoubled();
  });

  test('away for fifteen seconds', async () => {
    await db.server.restart(15_000);
    expect(load.refusals).toBeGreaterThan(WRITERS);
    await expectNothingLostOrDoubled();
  });

  test('frozen for fifteen seconds, twice', async () => {
    for (let n = 0; n < 2; n++) {
      db.server.freeze();
      await sleep(7_000);
      // What health asks.
      const asked = performance.now();
      await expect(store.head()).rejects.toThrow(StoreUnavailable);
      expect(performance.now() - asked).toBeLessThan(500);
      await sleep(8_000 - (performance.now() - asked));
      db.server.thaw();
      await load.more(200);
    }
    expect(load.refusals).toBeGreaterThan(WRITERS);
    await expectNothingLostOrDoubled();
  });

  test('frozen for as long as it takes to give up waiting, again and again', async () => {
    for (const time of [1_000, 4_900, 5_100, 6_000, 9_900, 10_100]) {
      db.server.freeze();
      await sleep(time);
      db.server.thaw();
      await load.more(100);
    }
    await expectNothingLostOrDoubled();
  });

  test('connections that go silent, in one direction or both: a new one is made within seconds', async () => {
    for (const what of ['all', 'answers', 'all', 'answers'] as const) {
      await load.more(200);
      proxy.freeze(what);
      const frozen = performance.now();
      await load.more(200);
      expect(performance.now() - frozen).toBeLessThan(TOLD_WITHIN);
    }
    await expectNothingLostOrDoubled();
  });

  test('a network that fails in every way for a minute', async () => {
    const faults = [() => proxy.cut(), () => proxy.freeze('answers'), () => proxy.freeze('all'), () => proxy.refuse()];
    for (const end = performance.now() + 60_000; performance.now() < end; ) {
      faults[Math.floor(Math.random() * faults.length)]!();
      await sleep(Math.random() * 3_000);
      proxy.accept();
    }
    proxy.accept();
    proxy.cut();
    await expectNothingLostOrDoubled();
  });

  test('a connection lost while writes are held back ends appends, and nothing else', async () => {
    await load.stop();
    const writer = spawn(process.execPath, [join(import.meta.dirname, 'held-back-writer.ts'), db.server.url(proxy.port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(writer, 'exit');
    await once(writer.stdout, 'data');
    proxy.freeze('all');
    await sleep(2_000);
    proxy.cut();
    const [written] = await once(writer.stdout, 'data');
    expect(String(written)).toBe('400 written\n');
    expect(await exit).toEqual([0, null]);
  });
});
