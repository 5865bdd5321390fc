import { expect, test } from '@jest/globals';
import { watchClock } from '../../../src/platform/postgres/clock-watch.ts';

/** A database whose clock is so many milliseconds behind ours. */
const databaseBehind = (milliseconds: number) => ({ query: async () => ({ rows: [{ now: String(Date.now() - milliseconds) }] }) }) as never;

test('a clock that is five seconds ahead of the database is found out, and one that is behind does no harm', async () => {
  const told: number[] = [];
  const ahead = await watchClock(databaseBehind(6_000), (by) => told.push(by));
  expect(ahead.isAhead()).toBe(true);
  expect(told).toHaveLength(1);
  const right = await watchClock(databaseBehind(1_000), (by) => told.push(by));
  const behind = await watchClock(databaseBehind(-60_000), (by) => told.push(by));
  expect([right.isAhead(), behind.isAhead(), told.length]).toEqual([false, false, 1]);
  await Promise.all([ahead, right, behind].map((watch) => watch.close()));
});
