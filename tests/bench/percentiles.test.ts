import { expect, test } from '@jest/globals';
import { percentilesOf } from '../../bench/support/percentiles.ts';
import { createTally } from '../../src/tools/load/tally.ts';

test('the load tool and the benchmarks tell the same percentiles of the same latencies, to three digits', () => {
  // As latencies are: most of them near each other, a few far away.
  const latencies = Array.from({ length: 20_000 }, (_, n) => 0.4 / (1 - ((n * 7919) % 20_000) / 20_000) ** 0.6);
  const tally = createTally(['read']);
  for (const latency of latencies) tally.record('read', latency);
  const told = tally.report({ url: null, seconds: 1, users: 1 }).total;
  const exact = percentilesOf(latencies);
  for (const figure of ['p50', 'p95', 'p99', 'max'] as const) {
    expect(Math.abs(told[figure] - exact[figure])).toBeLessThan(Math.max(0.01, exact[figure] / 500));
  }
});

test('percentiles are values that were measured, and no numbers when nothing was', () => {
  expect(percentilesOf([4, 1, 3, 2])).toEqual({ p50: 2, p90: 4, p95: 4, p99: 4, max: 4 });
  expect(percentilesOf([]).p99).toBeNaN();
});
