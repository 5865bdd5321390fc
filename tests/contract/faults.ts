import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type Append,
  type Appended,
  BEGINNING,
  type EventStore,
  StoreOverloaded,
  StoreUnavailable,
} from '../../src/events/store/event-store.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { anEvent, append, aStream, events, idsOf } from './events.ts';
import { follow } from './follow.ts';
import type { ServerHarness } from './harness.ts';
import { faultsOf } from './race.ts';

/** What every store promises when its server, or the way there, fails. */
export function faultsContract(startServer: () => Promise<ServerHarness>): void {
  let server: ServerHarness;
  let near: EventStore;
  let ended: AbortController;
  beforeAll(async () => {
    server = await startServer();
    near = await server.open();
  });
  afterAll(() => server.close());
  beforeEach(() => {
    ended = new AbortController();
  });
  afterEach(() => ended.abort());

  test('a server killed again and again loses nothing that was acknowledged and doubles nothing, and everyone goes on by itself', async () => {
    const store = await server.open();
    const beginning = await store.head();
    const subscriber = follow(await server.open(), beginning, ended.signal);
    await subscriber.caughtUp;
    let writing = true;
    const answers = new Map<string, Appended>();
    const writers = Array.from({ length: 12 }, async () => {
      const stream = aStream();
      for (let revision = -1; writing; revision += 2) {
        const appended = append(stream, revision === -1 ? 'no_stream' : revision, ...events(2));
        const answer = await appendUntilAnswered(store, appended);
        expect(answer.revision).toBe(revision + 2);
        answers.set(appended.events[1]!.id, answer);
      }
    });
    for (const what of ['part of it', 'server', 'server', 'part of it'] as const) {
      await moreThan(answers.size + 100, () => answers.size);
      await server.kill(what);
    }
    await moreThan(answers.size + 100, () => answers.size);
    writing = false;
    await Promise.all(writers);
    await subscriber.reached(await store.head());
    const log = await store.readAll({ after: beginning, limit: 1_000_000 });
    expect(faultsOf({ delivered: subscriber.events, log, acknowledged: [...answers.keys()] })).toEqual([]);
    const stored = new Map(log.map(({ id, revision, position }) => [id, { revision, position }]));
    for (const [id, answer] of answers) expect(stored.get(id)).toEqual(answer);
    expect(log).toHaveLength(answers.size * 2);
  });

  describe('with a network that fails', () => {
    let proxy: TcpProxy;
    let far: EventStore;
    beforeEach(async () => {
      proxy = await startTcpProxy(server.address);
      far = await server.open(proxy);
    });
    afterEach(() => proxy.close());

    test('an append whose answer is lost after it was written has one effect', async () => {
      const stream = aStream();
      await far.append(append(stream, 'no_stream', anEvent()));
      const before = await near.head();
      proxy.freeze('answers');
      const appending = appendUntilAnswered(far, append(stream, 0, ...events(2)));
      await moreThan(before, () => near.head());
      proxy.cut();
      const answer = await appending;
      const stored = await near.readStream(stream);
      expect(stored).toHaveLength(3);
      expect(answer).toEqual({ revision: 2, position: stored[2]!.position });
    });

    test('an append whose answer is lost is recognised also when others have appended since', async () => {
      const stream = aStream();
      await far.append(append(stream, 'no_stream', anEvent()));
      const before = await near.head();
      proxy.freeze('answers');
      const lost = append(stream, 0, ...events(2));
      const appending = appendUntilAnswered(far, lost);
      await moreThan(before, () => near.head());
      await near.append(append(stream, 2, anEvent()));
      proxy.cut();
      const answer = await appending;
      const stored = await near.readStream(stream);
      expect(stored).toHaveLength(4);
      expect(answer).toEqual({ revision: 2, position: stored[2]!.position });
    });

    test('an append whose answer is lost for good is said to be of unknown outcome, and succeeds when it is repeated', async () => {
      const stream = aStream();
      await far.append(append(stream, 'no_stream', anEvent()));
      const before = await near.head();
      proxy.freeze('answers');
      const lost = append(stream, 0, anEvent());
      const failing = far.append(lost).catch((error) => error);
      await moreThan(before, () => near.head());
      proxy.refuse();
      proxy.cut();
      expect(await failing).toMatchObject({ name: 'StoreUnavailable', outcome: 'unknown' });
      proxy.accept();
      const answer = await appendUntilAnswered(far, lost);
      const stored = await near.readStream(stream);
      expect(stored).toHaveLength(2);
      expect(answer).toEqual({ revision: 1, position: stored[1]!.position });
    });

    test('a store that cannot be reached says so in time, and what it calls not written is not', async () => {
      proxy.refuse();
      proxy.cut();
      const stream = aStream();
      const failed = await far.append(append(stream, 'no_stream', anEvent())).catch((error) => error);
      expect(failed).toBeInstanceOf(StoreUnavailable);
      await expect(far.readStream(stream)).rejects.toThrow(StoreUnavailable);
      await expect(far.readAll({ after: BEGINNING, limit: 1 })).rejects.toThrow(StoreUnavailable);
      await expect(far.head()).rejects.toThrow(StoreUnavailable);
      proxy.accept();
      expect(await appendUntilAnswered(far, append(aStream(), 'no_stream', anEvent()))).toMatchObject({ revision: 0 });
      if (failed.outcome === 'not_written') expect(await near.readStream(stream)).toEqual([]);
    });

    test('connections that have gone silent hold up neither appends nor reads nor subscribers for long', async () => {
      const subscriber = follow(far, await near.head(), ended.signal);
      await subscriber.caughtUp;
      const stream = aStream();
      await far.append(append(stream, 'no_stream', anEvent()));
      proxy.freeze();
      const reading = readUntilAnswered(far, stream);
      const { position } = await appendUntilAnswered(far, append(stream, 0, anEvent()));
      await subscriber.reached(position);
      expect(idsOf(await reading).length).toBeGreaterThan(0);
      expect(await readUntilAnswered(far, stream)).toHaveLength(2);
    });

    test('a subscription that waits for an answer which never comes ends at once when it is aborted', async () => {
      await far.head();
      proxy.freeze('answers');
      const subscriber = follow(far, BEGINNING, ended.signal);
      await sleep(100);
      const aborted = performance.now();
      ended.abort();
      await subscriber.ended;
      expect(performance.now() - aborted).toBeLessThan(100);
      expect(subscriber.events).toEqual([]);
    });

    test('a subscription goes on after an outage where it was, and ends at once when it is aborted in one', async () => {
      const subscriber = follow(far, await near.head(), ended.signal);
      const stream = aStream();
      await subscriber.reached((await near.append(append(stream, 'no_stream', ...events(3)))).position);
      proxy.refuse();
      proxy.cut();
      const { position } = await near.append(append(stream, 2, ...events(3)));
      await sleep(500);
      expect(subscriber.events).toHaveLength(3);
      proxy.accept();
      await subscriber.reached(position);
      expect(subscriber.events).toEqual(await near.readStream(stream));
      proxy.refuse();
      proxy.cut();
      await sleep(300);
      const aborted = performance.now();
      ended.abort();
      await subscriber.ended;
      expect(performance.now() - aborted).toBeLessThan(100);
    });
  });
}

/** As a careful caller does: the same append again until the store has said what became of it. */
async function appendUntilAnswered(store: EventStore, wanted: Append): Promise<Appended> {
  return untilAnswered(() => store.append(wanted));
}

function readUntilAnswered(store: EventStore, stream: string) {
  return untilAnswered(() => store.readStream(stream));
}

async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  const giveUp = performance.now() + 40_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreUnavailable || error instanceof StoreOverloaded) || performance.now() > giveUp) throw error;
      await sleep(20);
    }
  }
}

/** Waits until a number has grown beyond another, and answers it. */
async function moreThan<N extends number | bigint>(bound: N, read: () => N | Promise<N>): Promise<N> {
  const giveUp = performance.now() + 30_000;
  for (;;) {
    const now = await read();
    if (now > bound) return now;
    if (performance.now() > giveUp) throw new Error(`still at ${now} after 30 seconds`);
    await sleep(5);
  }
}
