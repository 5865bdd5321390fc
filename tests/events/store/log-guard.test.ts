import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { BEGINNING, type EventStore, StoreUnavailable } from '../../../src/events/store/event-store.ts';
import { lastEvent, misplacementIn } from '../../../src/events/store/last-event.ts';
import { guardLog, type LogGuard } from '../../../src/events/store/log-guard.ts';
import { createLog } from '../../../src/platform/logging.ts';
import { append, aStream, events } from '../../contract/events.ts';
import { postgresHarness } from '../../contract/postgres-harness.ts';

jest.setTimeout(30_000);

const INTERVAL_MS = 50;
let harness: Awaited<ReturnType<typeof postgresHarness>>;
let store: EventStore;
let guard: LogGuard;
let isOther: boolean;
let forgotten: number;

beforeEach(async () => {
  harness = await postgresHarness();
  store = await harness.open();
  isOther = false;
  forgotten = 0;
  await store.append(append(aStream(), 'no_stream', ...events(3)));
  const last = (await store.readAll({ after: BEGINNING, limit: 10 })).at(-1)!;
  const checkpoint = { logId: store.logId, position: last.position, lastEvent: lastEvent(last) };
  guard = guardLog({
    // The log is replaced behind the store: from then on its first events are others.
    store: { ...store, readStream: async (...range) => (isOther ? [] : store.readStream(...range)) },
    findMismatch: async (view) => misplacementIn(checkpoint, await view.currentLogId(), view),
    onReplaced: () => forgotten++,
    log: createLog({ level: 'silent', format: 'json' }, { write() {} }),
    intervalMs: INTERVAL_MS,
  });
});
afterEach(async () => {
  await guard.close();
  await harness.close();
});

const until = async (isSo: () => boolean) => {
  for (const giveUpAt = performance.now() + 10_000; performance.now() < giveUpAt; await sleep(10)) if (isSo()) return;
  throw new Error('it has not come true');
};

test('a log that is replaced without an outage is found by the look of every interval: nothing is read, written or followed until it is back', async () => {
  const ended = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const batch of guard.store.subscribe({ after: BEGINNING, signal: ended.signal })) seen.push(batch.events.length);
  })().catch((error: unknown) => error);
  await until(() => seen.length > 0);
  isOther = true;
  await until(() => guard.problem() !== null);
  expect(guard.problem()).toMatch(/has events that the log has not/);
  expect(await following).toBeInstanceOf(StoreUnavailable);
  await expect(guard.store.append(append(aStream(), 'no_stream', ...events(1)))).rejects.toThrow(StoreUnavailable);
  await expect(guard.store.head()).rejects.toThrow(StoreUnavailable);
  expect(forgotten).toBe(1);

  isOther = false;
  await until(() => guard.problem() === null);
  expect(forgotten).toBe(2);
  const { position } = await guard.store.append(append(aStream(), 'no_stream', ...events(1)));
  expect(await guard.store.head()).toBe(position);
  ended.abort();
});
