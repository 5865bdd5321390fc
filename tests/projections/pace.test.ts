import { expect, test } from '@jest/globals';
import { createPace } from '../../src/projections/pace.ts';
import { createRest } from '../../src/projections/rest.ts';

function restAt(utilization: number): number {
  let now = 0;
  const pace = createPace({ now: () => now, utilization: () => utilization });
  now = 1_000;
  return pace.rest(50);
}

test('a projector rests the longer the less time the process has, and not at all while it has enough', () => {
  expect(restAt(0)).toBe(0);
  expect(restAt(0.1)).toBe(0);
  expect(restAt(0.525)).toBeCloseTo(25);
  expect(restAt(0.95)).toBeCloseTo(50);
  expect(restAt(1)).toBe(50);
});

test('what it rests is told from a tenth of a second, not from a moment', () => {
  let now = 0;
  let utilization = 1;
  const pace = createPace({ now: () => now, utilization: () => utilization });
  now = 99;
  expect(pace.rest(50)).toBe(0);
  now = 100;
  expect(pace.rest(50)).toBe(50);
  utilization = 0;
  now = 150;
  expect(pace.rest(50)).toBe(50);
  now = 200;
  expect(pace.rest(50)).toBe(0);
});

test('a rest ends when somebody waits or all stops, and whoever came just before it is not kept waiting', async () => {
  const stop = new AbortController();
  const rest = createRest(stop.signal);
  const long = 60_000;
  const taken = rest.take(long);
  rest.end();
  await taken;
  rest.end();
  await rest.take(long);
  const another = rest.take(long);
  stop.abort();
  await another;
  await rest.take(long);
});
