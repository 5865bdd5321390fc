import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { EventStore, Position, StoredEvent, SubscriptionBatch } from '../../src/events/store/event-store.ts';
import { anEvent, append, aStream, aStreamOf, events, idsOf } from './events.ts';
import { follow } from './follow.ts';

/** What every store promises of a subscription. */
export function subscribingContract(store: () => EventStore, another: () => EventStore): void {
  let ended = new AbortController();
  afterEach(() => {
    ended.abort();
    ended = new AbortController();
  });

  /** Reads batches until one says that it has caught up. */
  async function untilCaughtUp(after: Position): Promise<SubscriptionBatch[]> {
    const batches: SubscriptionBatch[] = [];
    for await (const batch of store().subscribe({ after, signal: ended.signal })) {
      batches.push(batch);
      if (batch.caughtUp) break;
    }
    return batches;
  }

  const eventsOf = (batches: SubscriptionBatch[]): StoredEvent[] => batches.flatMap((batch) => batch.events);

  test('a subscriber from any position gets every event after it, and is told when it has caught up', async () => {
    const beginning = await store().head();
    const { written } = await aStreamOf(store(), 7);
    const stored = await store().readAll({ after: beginning, limit: 100 });
    const positions = [beginning, ...stored.map(({ position }) => position)];
    for (const [index, after] of positions.entries()) {
      const batches = await untilCaughtUp(after);
      expect(idsOf(eventsOf(batches))).toEqual(idsOf(written).slice(index));
      expect(batches.at(-1)).toMatchObject({ caughtUp: true, position: stored.at(-1)?.position });
    }
  });

  test('a subscriber at the head is told at once that it has caught up', async () => {
    const head = await store().head();
    expect(await untilCaughtUp(head)).toEqual([{ events: [], position: head, caughtUp: true }]);
  });

  test('a subscriber gets the whole of a long log in order, in batches that follow each other', async () => {
    const beginning = await store().head();
    const written = Array.from({ length: 9 * 350 }, (_, index) => anEvent(`${index} `.repeat(index % 700)));
    for (let from = 0; from < written.length; from += 350)
      await store().append(append(aStream(), 'no_stream', ...written.slice(from, from + 350)));
    const batches = await untilCaughtUp(beginning);
    expect(idsOf(eventsOf(batches))).toEqual(idsOf(written));
    expect(eventsOf(batches).every(({ data }, index) => data.equals(written[index]!.data))).toBe(true);
    for (const batch of batches) if (batch.events.length > 0) expect(batch.position).toBe(batch.events.at(-1)?.position);
  });

  test('a subscriber gets large events in batches of a bounded size', async () => {
    const beginning = await store().head();
    const large = Array.from({ length: 60 }, () => anEvent(Buffer.alloc(500_000, 7)));
    const stream = aStream();
    for (const [index, event] of large.entries()) await store().append(append(stream, index === 0 ? 'no_stream' : index - 1, event));
    const batches = await untilCaughtUp(beginning);
    expect(idsOf(eventsOf(batches))).toEqual(idsOf(large));
    expect(Math.max(...batches.map((batch) => batch.events.length))).toBeLessThan(30);
  });

  describe.each([
    ['this instance', () => store()],
    ['another instance', () => another()],
  ])('appends by %s', (_, writer) => {
    test('reach a subscriber that waits, one by one and at once', async () => {
      const subscriber = follow(store(), await store().head(), ended.signal);
      await subscriber.caughtUp;
      const stream = aStream();
      const delays: number[] = [];
      for (let revision = 0; revision < 20; revision++) {
        const event = anEvent();
        const { position } = await writer().append(append(stream, revision === 0 ? 'no_stream' : revision - 1, event));
        const appended = performance.now();
        await subscriber.reached(position);
        delays.push(performance.now() - appended);
        expect(subscriber.events.at(-1)?.id).toBe(event.id);
      }
      expect(subscriber.events).toHaveLength(20);
      // Woken, not polling: the median leaves room for a busy machine.
      expect(delays.sort((a, b) => a - b)[10]).toBeLessThan(150);
    });
  });

  test('every append between the reading of the last page and the wait for the next is delivered', async () => {
    const subscriber = follow(store(), await store().head(), ended.signal);
    const stream = aStream();
    for (let revision = 0; revision < 300; revision++) {
      const writer = revision % 2 === 0 ? store() : another();
      const { position } = await writer.append(append(stream, revision === 0 ? 'no_stream' : revision - 1, anEvent()));
      await subscriber.reached(position);
    }
    expect(subscriber.events).toHaveLength(300);
  });

  test('what is appended while a subscriber handles a batch reaches it without a pause', async () => {
    const { stream } = await aStreamOf(store(), 1);
    let revision = 0;
    const subscriber = follow(store(), await store().head(), ended.signal, async () => {
      if (revision < 60) await store().append(append(stream, revision++, anEvent()));
    });
    // Sixty pauses of any poll would take many times as long.
    const deadline = performance.now() + 5_000;
    while (subscriber.events.length < 60 && performance.now() < deadline) await sleep(10);
    expect(subscriber.events).toHaveLength(60);
  });

  test('several subscribers each get everything at their own pace', async () => {
    const beginning = await store().head();
    const hasty = follow(store(), beginning, ended.signal);
    const slow = follow(store(), beginning, ended.signal, () => sleep(20));
    const { stream } = await aStreamOf(store(), 3);
    let { position } = await store().append(append(stream, 2, ...events(20)));
    for (let revision = 22; revision < 40; revision++) ({ position } = await store().append(append(stream, revision, anEvent())));
    await hasty.reached(position);
    await slow.reached(position);
    expect(slow.events).toEqual(hasty.events);
    expect(slow.events).toHaveLength(41);
  });

  describe('an aborted signal', () => {
    /** Runs a subscription to its end and answers how long that took after the abort, in milliseconds. */
    async function abortAfter(abort: (batches: number) => Promise<void>, after: Position): Promise<number> {
      let batches = 0;
      let abortedAt = Infinity;
      const signal = ended.signal;
      signal.addEventListener('abort', () => {
        abortedAt = performance.now();
      });
      for await (const _ of store().subscribe({ after, signal })) await abort(++batches);
      return performance.now() - abortedAt;
    }

    test('ends a subscription that waits for news', async () => {
      const waited = await abortAfter(async () => void setTimeout(() => ended.abort(), 50), await store().head());
      expect(waited).toBeLessThan(100);
    });

    test('ends a subscription that still has much to read', async () => {
      const beginning = await store().head();
      for (let stream = 0; stream < 8; stream++) await aStreamOf(store(), 500);
      let handled = 0;
      const waited = await abortAfter(async (batches) => {
        handled = batches;
        if (batches === 1) ended.abort();
      }, beginning);
      expect(handled).toBe(1);
      expect(waited).toBeLessThan(100);
    });

    test('before the beginning ends it without a batch', async () => {
      ended.abort();
      for await (const _ of store().subscribe({ after: 0n, signal: ended.signal })) throw new Error('a batch after the end');
    });
  });
}
