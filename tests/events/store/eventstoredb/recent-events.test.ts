import { expect, test } from '@jest/globals';
import type { StoredEvent } from '../../../../src/events/store/event-store.ts';
import { RecentEvents } from '../../../../src/events/store/eventstoredb/recent-events.ts';
import { anEvent } from '../../../contract/events.ts';

const at = (position: number, data: string | Buffer = ''): StoredEvent => ({
  ...anEvent(data),
  stream: 'task-1',
  revision: position,
  position: BigInt(position),
});
const positions = (events: StoredEvent[] | undefined) => events?.map(({ position }) => Number(position));

function recentOf(...added: number[]): RecentEvents {
  const recent = new RecentEvents(100n);
  for (const position of added) recent.add(at(position));
  return recent;
}

test('events that have come since the beginning are had from any position that they reach back to', () => {
  const recent = recentOf(110, 120, 130);
  expect(positions(recent.after(100n))).toEqual([110, 120, 130]);
  expect(positions(recent.after(105n))).toEqual([110, 120, 130]);
  expect(positions(recent.after(120n))).toEqual([130]);
  expect(positions(recent.after(130n))).toEqual([]);
  expect(recent.after(99n)).toBeUndefined();
});

test('an event that comes again, or late, is left out', () => {
  expect(positions(recentOf(90, 100, 110, 110, 105, 120).after(100n))).toEqual([110, 120]);
});

test('what is too much is dropped from the old end, and not spoken for any more', () => {
  const recent = new RecentEvents(0n);
  for (let position = 1; position <= 10_000; position++) recent.add(at(position));
  const kept = positions(recent.after(9_000n));
  expect(kept).toEqual(Array.from({ length: 1_000 }, (_, index) => 9_001 + index));
  expect(recent.after(1n)).toBeUndefined();
});

test('large events are dropped sooner', () => {
  const recent = new RecentEvents(0n);
  for (let position = 1; position <= 40; position++) recent.add(at(position, Buffer.alloc(2 ** 20)));
  expect(recent.after(20n)).toBeUndefined();
  expect(positions(recent.after(39n))).toEqual([40]);
});

test('how far the server has looked counts only forwards, and beyond the last event', () => {
  const recent = recentOf(110, 120);
  expect(recent.reached(115n)).toBe(false);
  expect(recent.reached(120n)).toBe(false);
  expect(recent.end).toBe(120n);
  expect(recent.reached(150n)).toBe(true);
  expect(recent.reached(150n)).toBe(false);
  expect(recent.reached(140n)).toBe(false);
  expect(recent.end).toBe(150n);
});

test('who has all events but stands before what the server has looked through is to read for himself', () => {
  const recent = recentOf(110);
  recent.reached(150n);
  expect(positions(recent.after(100n))).toEqual([110]);
  expect(recent.after(110n)).toBeUndefined();
  expect(positions(recent.after(150n))).toEqual([]);
  recent.add(at(160));
  expect(positions(recent.after(110n))).toEqual([160]);
});
