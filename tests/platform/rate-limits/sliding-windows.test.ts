import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SlidingWindows } from '../../../src/platform/rate-limits/sliding-windows.ts';

const start = 1_800_000_000_000;
const minute = 60_000;
const windowsOf = (limit: number, keys = 100) => new SlidingWindows({ limit, length: minute, keys });

describe('a sliding window', () => {
  test('lets through as much as its limit, and says how much is left', () => {
    const windows = windowsOf(3);
    expect([0, 1, 2, 3].map((n) => windows.take('a', start + n))).toMatchObject([
      { limit: 3, remaining: 2, refused: false },
      { limit: 3, remaining: 1, refused: false },
      { limit: 3, remaining: 0, refused: false },
      { limit: 3, remaining: 0, refused: true },
    ]);
    expect(windows.take('b', start)).toMatchObject({ remaining: 2, refused: false });
  });

  test('gives back what was taken a minute ago, and not what was taken since', () => {
    const windows = windowsOf(4);
    for (const at of [0, 0, 30_000, 30_000]) windows.take('a', start + at);
    expect(windows.take('a', start + 59_700).refused).toBe(true);
    expect([60_000, 60_001, 60_002].map((at) => windows.take('a', start + at).refused)).toEqual([false, false, true]);
    expect(windows.take('a', start + 89_700).refused).toBe(true);
    expect(windows.take('a', start + 90_000).refused).toBe(false);
  });

  test('says when to come back, and lets in whoever does', () => {
    const windows = windowsOf(2);
    windows.take('a', start + 100);
    windows.take('a', start + 10_000);
    const { resetAt, wait } = windows.take('a', start + 20_000);
    expect([resetAt, wait]).toEqual([start + minute, 40_000]);
    expect(windows.take('a', start + 20_000 + wait - 1).refused).toBe(true);
    expect(windows.take('a', start + 20_000 + wait).refused).toBe(false);
  });

  test('does not count what it refuses', () => {
    const windows = windowsOf(1);
    windows.take('a', start);
    for (let at = 1000; at < minute; at += 1000) expect(windows.take('a', start + at).refused).toBe(true);
    expect(windows.take('a', start + minute).refused).toBe(false);
  });

  test('can be looked at for nothing', () => {
    const windows = windowsOf(2);
    windows.take('a', start);
    expect([windows.look('a', start), windows.look('a', start)]).toMatchObject([{ remaining: 1 }, { remaining: 1 }]);
  });

  test('forgets whoever was silent longest when there are too many', () => {
    const windows = windowsOf(1, 2);
    for (const key of ['a', 'b', 'c']) windows.take(key, start);
    expect(['c', 'b', 'a'].map((key) => windows.take(key, start).refused)).toEqual([true, true, false]);
  });

  test('never lets through more than its limit within a minute less a quarter of a second, nor refuses without reason', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 6 }), (between, limit) => {
        const windows = windowsOf(limit);
        const taken: number[] = [];
        let now = start;
        for (const gap of between) {
          now += gap;
          const within = (length: number) => taken.filter((at) => at > now - length).length;
          if (windows.take('a', now).refused) expect(within(minute)).toBeGreaterThanOrEqual(limit);
          else {
            expect(within(minute - 250)).toBeLessThan(limit);
            taken.push(now);
          }
        }
      }),
    );
  });
});

describe('what is told to others', () => {
  test('is what was let through since the last time, and counts there too', () => {
    const [here, there] = [windowsOf(3), windowsOf(3)];
    here.take('a', start);
    here.take('a', start);
    for (const taking of here.untold(start)) there.add(taking, start);
    expect(here.untold(start)).toEqual([]);
    expect([there.take('a', start).refused, there.take('a', start).refused]).toEqual([false, true]);
    expect(there.untold(start)).toMatchObject([{ key: 'a', count: 1 }]);
  });

  test('counts at its own time, also between what is known already', () => {
    const [here, there] = [windowsOf(3), windowsOf(3)];
    here.take('a', start + 5_000);
    there.take('a', start);
    there.take('a', start + 10_000);
    for (const taking of here.untold(start + 10_000)) there.add(taking, start + 10_000);
    expect([59_000, 60_000, 60_001, 65_000].map((at) => there.take('a', start + at).refused)).toEqual([true, false, true, false]);
  });

  test('is dropped when it is too old to matter', () => {
    const [here, there] = [windowsOf(1), windowsOf(1)];
    here.take('a', start);
    const told = here.untold(start);
    for (const taking of told) there.add(taking, start + minute);
    expect(there.look('a', start + minute).remaining).toBe(1);
    here.take('b', start);
    expect(here.untold(start + minute)).toEqual([]);
  });
});
