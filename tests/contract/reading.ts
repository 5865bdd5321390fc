import { beforeAll, describe, expect, test } from '@jest/globals';
import { BEGINNING, type EventStore, type Position, type StoredEvent } from '../../src/events/store/event-store.ts';
import { anEvent, append, aStream, aStreamOf, idsOf, revisionsOf } from './events.ts';

/** What every store promises of reading. */
export function readingContract(store: () => EventStore): void {
  describe('a stream', () => {
    let stream: string;
    beforeAll(async () => {
      ({ stream } = await aStreamOf(store(), 10));
    });

    test.each([
      ['forwards from its beginning', {}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
      ['backwards from its end', { direction: 'backwards' }, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
      ['forwards from a revision', { from: 7 }, [7, 8, 9]],
      ['backwards from a revision', { from: 2, direction: 'backwards' }, [2, 1, 0]],
      ['forwards, so many at most', { limit: 3 }, [0, 1, 2]],
      ['forwards from a revision, so many at most', { from: 4, limit: 2 }, [4, 5]],
      ['backwards, so many at most', { direction: 'backwards', limit: 1 }, [9]],
      ['backwards from a revision, so many at most', { from: 5, direction: 'backwards', limit: 3 }, [5, 4, 3]],
      ['forwards from behind its end: nothing', { from: 10 }, []],
      ['backwards from behind its end: from its end', { from: 99, direction: 'backwards', limit: 2 }, [9, 8]],
      ['from a revision beyond what a store can count: nothing', { from: Number.MAX_SAFE_INTEGER }, []],
      ['none at all', { limit: 0 }, []],
    ] as const)('is read %s', async (_, options, revisions) => {
      expect(revisionsOf(await store().readStream(stream, options))).toEqual(revisions);
    });

    test('is read piece by piece, both ways, without a gap', async () => {
      const forwards: number[] = [];
      for (let from = 0; from < 10; from += 3) forwards.push(...revisionsOf(await store().readStream(stream, { from, limit: 3 })));
      expect(forwards).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      const backwards: number[] = [];
      for (let from = 9; from >= 0; from -= 4)
        backwards.push(...revisionsOf(await store().readStream(stream, { from, direction: 'backwards', limit: 4 })));
      expect(backwards).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    });

    test('is read at places, and several of them at once, in global order', async () => {
      const { stream: another } = await aStreamOf(store(), 40);
      const there = [...(await store().readStream(stream)), ...(await store().readStream(another))];
      const wanted = there.filter(({ revision }) => revision % 3 === 0 && (revision < 7 || revision > 35));
      expect(await store().readEvents(wanted.toReversed())).toEqual(wanted.toSorted((a, b) => (a.position < b.position ? -1 : 1)));
      const [first] = there;
      expect(await store().readEvents([{ stream: aStream(), revision: 0, position: first!.position + 10n ** 15n }])).toEqual([]);
      expect(await store().readEvents([])).toEqual([]);
    });

    test('that does not exist has no events', async () => {
      expect(await store().readStream(aStream())).toEqual([]);
      expect(await store().readStream(aStream(), { direction: 'backwards', limit: 1 })).toEqual([]);
    });

    test('whose name begins another one is read alone', async () => {
      const { stream: short } = await aStreamOf(store(), 2);
      await store().append(append(`${short}-and-more`, 'no_stream', anEvent(), anEvent(), anEvent()));
      expect(await store().readStream(short)).toHaveLength(2);
    });

    test('of thousands of events is read whole, both ways', async () => {
      const long = aStream();
      const all = Array.from({ length: 5_500 }, () => anEvent(''));
      for (let at = 0; at < all.length; at += 500)
        await store().append(append(long, at === 0 ? 'no_stream' : at - 1, ...all.slice(at, at + 500)));
      expect(idsOf(await store().readStream(long))).toEqual(idsOf(all));
      expect(idsOf(await store().readStream(long, { direction: 'backwards' }))).toEqual(idsOf(all).reverse());
    });
  });

  describe('the global order', () => {
    let beginning: Position;
    const written: StoredEvent[] = [];
    beforeAll(async () => {
      beginning = await store().head();
      const streams = [aStream(), aStream(), aStream()];
      for (let revision = 0; revision < 4; revision++)
        for (const stream of streams) {
          const event = anEvent();
          const appended = await store().append(append(stream, revision === 0 ? 'no_stream' : revision - 1, event));
          written.push({ ...event, stream, ...appended });
        }
    });

    test('is the order of the appends, with strictly growing positions', async () => {
      expect(await store().readAll({ after: beginning, limit: 1_000 })).toEqual(written);
      expect(written.every(({ position }, index) => position > (written[index - 1]?.position ?? beginning))).toBe(true);
    });

    test('is read from any position, and page by page', async () => {
      for (const [index, { position }] of written.entries())
        expect(idsOf(await store().readAll({ after: position, limit: 1_000 }))).toEqual(idsOf(written.slice(index + 1)));
      const paged: StoredEvent[] = [];
      for (let page: StoredEvent[] | undefined; page?.length !== 0; paged.push(...page))
        page = await store().readAll({ after: paged.at(-1)?.position ?? beginning, limit: 5 });
      expect(paged).toEqual(written);
    });

    test('begins before the first event of all', async () => {
      const [first] = await store().readAll({ after: BEGINNING, limit: 1 });
      expect(first?.position).toBeGreaterThan(BEGINNING);
    });

    test('has nothing after its head', async () => {
      const head = await store().head();
      expect(head).toBeGreaterThanOrEqual(written.at(-1)!.position);
      expect(await store().readAll({ after: head, limit: 10 })).toEqual([]);
    });

    test('is read in one go also when it is long', async () => {
      const { stream, written: many } = await aStreamOf(store(), 4_500);
      const all = await store().readAll({ after: written.at(-1)!.position, limit: 4_400 });
      expect(idsOf(all.filter((event) => event.stream === stream))).toEqual(idsOf(many).slice(0, 4_400));
    });
  });
}
