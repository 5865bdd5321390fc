import { expect, test } from '@jest/globals';
import { createRecentEvents } from '../../../../src/events/store/postgres/recent-events.ts';
import { append, events } from '../../../contract/events.ts';

const EVERYTHING = [1_000, 2 ** 22] as const;

function someAppends(...counts: number[]) {
  return counts.map((count, index) => append(`stream-${index}`, 'no_stream', ...events(count)));
}

test('what was written last is given on from any position in it, as it stands in the log', () => {
  const recent = createRecentEvents();
  const [one, two] = someAppends(2, 1) as [ReturnType<typeof append>, ReturnType<typeof append>];
  recent.wrote(10n, [one, two]);
  const later = append('stream-0', 1, ...events(1));
  recent.wrote(13n, [later]);
  const all = recent.page(10n, ...EVERYTHING)!;
  expect(all.last).toBe(true);
  expect(all.events.map(({ stream, revision, position }) => `${stream} ${revision} ${position}`)).toEqual([
    'stream-0 0 11',
    'stream-0 1 12',
    'stream-1 0 13',
    'stream-0 2 14',
  ]);
  expect(all.events.map(({ data }) => data)).toEqual([...one.events, ...two.events, ...later.events].map(({ data }) => data));
  expect(recent.page(12n, ...EVERYTHING)!.events).toEqual(all.events.slice(2));
});

test('a page is no longer than was asked for, and says that there is more', () => {
  const recent = createRecentEvents();
  recent.wrote(0n, someAppends(5));
  expect(recent.page(0n, 3, 2 ** 22)).toMatchObject({ events: [{ position: 1n }, { position: 2n }, { position: 3n }], last: false });
  expect(recent.page(0n, 1_000, 1)).toMatchObject({ events: [{ position: 1n }], last: false });
  expect(recent.page(3n, 2, 2 ** 22)).toMatchObject({ events: [{ position: 4n }, { position: 5n }], last: true });
});

test('nothing is given from positions before, at the end or beyond: the database is asked', () => {
  const recent = createRecentEvents();
  expect(recent.page(0n, ...EVERYTHING)).toBeUndefined();
  recent.wrote(10n, someAppends(2));
  for (const position of [9n, 12n, 13n]) expect(recent.page(position, ...EVERYTHING)).toBeUndefined();
});

test('a write of another process in between is never passed over', () => {
  const recent = createRecentEvents();
  recent.wrote(0n, someAppends(2));
  recent.wrote(3n, someAppends(1));
  for (const position of [0n, 1n, 2n]) expect(recent.page(position, ...EVERYTHING)).toBeUndefined();
  expect(recent.page(3n, ...EVERYTHING)).toMatchObject({ events: [{ position: 4n }] });
  recent.forget();
  expect(recent.page(3n, ...EVERYTHING)).toBeUndefined();
});

test('so much is kept and no more, the latest of it', () => {
  const recent = createRecentEvents(10_000);
  for (let head = 0n; head < 5_000n; head += 2n) recent.wrote(head, someAppends(1, 1));
  expect(recent.page(0n, ...EVERYTHING)).toBeUndefined();
  const kept = recent.page(4_990n, ...EVERYTHING)!;
  expect(kept.events.map(({ position }) => position)).toEqual([
    4_991n,
    4_992n,
    4_993n,
    4_994n,
    4_995n,
    4_996n,
    4_997n,
    4_998n,
    4_999n,
    5_000n,
  ]);
});

test('an event larger than all that may be kept is not', () => {
  const recent = createRecentEvents(1);
  recent.wrote(0n, someAppends(1));
  expect(recent.page(0n, ...EVERYTHING)).toBeUndefined();
  recent.wrote(1n, someAppends(1));
  expect(recent.page(0n, ...EVERYTHING)).toBeUndefined();
});
