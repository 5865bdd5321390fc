import { expect, test } from '@jest/globals';
import { alternating, judge, median } from '../../bench/support/pairs.ts';

const atLeast = { id: 'S0', goal: 'twice as much', bound: 2, direction: 'at_least' } as const;
const atMost = { ...atLeast, direction: 'at_most' } as const;

test('a figure is the median of the ratios of its pairs', () => {
  const pairs = [
    [30, 10],
    [10, 10],
    [22, 11],
  ] as const;
  expect(judge(atLeast, { pairs, unit: '/s' })).toMatchObject({ ratio: 2, min: 1, max: 3, verdict: 'met' });
  expect(judge(atMost, { pairs, unit: 'ms' })).toMatchObject({ verdict: 'met' });
  expect(judge({ ...atMost, bound: 1.9 }, { pairs, unit: 'ms' })).toMatchObject({ verdict: 'missed' });
});

test('there is no verdict when the baseline itself spreads by more than a quarter', () => {
  const pairs = [
    [30, 10],
    [30, 11],
    [30, 12.8],
  ] as const;
  expect(judge(atLeast, { pairs, unit: '/s' })).toMatchObject({ verdict: 'unsteady' });
  expect(judge(atLeast, { pairs: pairs.slice(0, 2), unit: '/s' })).toMatchObject({ verdict: 'met' });
});

test('a figure that could not be had is missed', () => {
  expect(judge(atMost, { pairs: [[Number.NaN, 1]], unit: 'ms' }).verdict).toBe('missed');
});

test('subject and baseline are measured in turn, and the first pair of them is dropped', async () => {
  const order: string[] = [];
  const measure = (name: string) => async () => order.push(name);
  expect(await alternating({ rounds: 2 }, measure('s'), measure('b'))).toEqual([
    [4, 3],
    [5, 6],
  ]);
  expect(order.join('')).toBe('sbbssb');
});

test('the median of an even number is between the two in the middle', () => {
  expect(median([1, 2, 4, 9])).toBe(3);
});
