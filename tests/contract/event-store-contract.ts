import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { BEGINNING, type EventStore, formatPosition, parsePosition } from '../../src/events/store/event-store.ts';
import { appendingContract } from './appending.ts';
import { anEvent, append, aStream } from './events.ts';
import { faultsContract } from './faults.ts';
import { follow } from './follow.ts';
import type { Harness } from './harness.ts';
import { faultsOf, race } from './race.ts';
import { readingContract } from './reading.ts';
import { subscribingContract } from './subscribing.ts';

/**
 * What every event store behind the port has to do, whatever it is made of.
 * @param killable whether there is a server that can be killed; without one, faults are left out
 */
export function eventStoreContract(name: string, setup: () => Promise<Harness>, { killable = true } = {}): void {
  describe(name, () => {
    jest.setTimeout(90_000);
    let harness: Harness;
    let store: EventStore;
    let another: EventStore;
    beforeAll(async () => {
      harness = await setup();
      store = await harness.open();
      another = await harness.open();
    });
    afterAll(() => harness.close());

    test('has an identity that every instance knows', () => {
      expect(store.logId).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
      expect(another.logId).toBe(store.logId);
    });

    describe('appending', () => appendingContract(() => store));
    describe('reading', () => readingContract(() => store));
    describe('subscribing', () =>
      subscribingContract(
        () => store,
        () => another,
      ));

    test('a subscriber misses nothing, and sees one order, while two processes race for the same streams', async () => {
      const result = await race(store, harness.opener, { events: 1_000, streams: 60, shared: true });
      expect(result.acknowledged).toHaveLength(1_000);
      expect(result.delivered).toHaveLength(1_000);
      expect(faultsOf(result)).toEqual([]);
    });

    test.each([2n ** 53n + 1n, 2n ** 63n - 10n])('positions from %s on are exact', async (first) => {
      // Not every store can be made to begin there; one that cannot is not asked.
      const farUp = await harness.openAt?.(first);
      if (!farUp) return;
      expect(await farUp.head()).toBe(BEGINNING);
      const stream = aStream();
      const ended = new AbortController();
      const subscriber = follow(farUp, BEGINNING, ended.signal);
      for (let revision = 0; revision < 4; revision++) {
        const appended = await farUp.append(append(stream, revision === 0 ? 'no_stream' : revision - 1, anEvent()));
        expect(appended.position).toBe(first + BigInt(revision));
        expect(await farUp.append(append(stream, revision))).toEqual(appended);
      }
      await subscriber.reached(first + 3n);
      ended.abort();
      expect(subscriber.events.map(({ position }) => position)).toEqual([first, first + 1n, first + 2n, first + 3n]);
      expect(await farUp.readStream(stream)).toEqual(subscriber.events);
      expect(await farUp.readAll({ after: first, limit: 2 })).toEqual(subscriber.events.slice(1, 3));
      expect(parsePosition(formatPosition(await farUp.head()))).toBe(first + 3n);
    });

    test('closing lets appends in hand finish, and refuses later ones', async () => {
      const closing = await harness.open();
      const streams = Array.from({ length: 50 }, () => aStream());
      let appended = 0;
      for (const stream of streams) void closing.append(append(stream, 'no_stream', anEvent())).then(() => appended++);
      await closing.close();
      expect(appended).toBe(50);
      await expect(closing.append(append(aStream(), 'no_stream', anEvent()))).rejects.toMatchObject({ outcome: 'not_written' });
      for (const stream of streams) expect(await store.readStream(stream)).toHaveLength(1);
    });

    if (killable) describe('faults', () => faultsContract(() => harness.startServer()));
  });
}
