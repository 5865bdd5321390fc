import { expect, test } from '@jest/globals';
import { bucketDates, bucketsUntil } from '../../src/api/buckets.ts';
import { startOfDate } from '../../src/api/days.ts';

test.each([
  ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
  ['2026-03-30', 'Europe/Berlin', '2026-03-29T22:00:00.000Z'],
  ['2026-10-26', 'Europe/Berlin', '2026-10-25T23:00:00.000Z'],
  ['2026-01-02', 'Asia/Kathmandu', '2026-01-01T18:15:00.000Z'],
  ['2026-01-02', 'Pacific/Kiritimati', '2026-01-01T10:00:00.000Z'],
  ['2026-01-02', 'Pacific/Pago_Pago', '2026-01-02T11:00:00.000Z'],
  // There was no midnight: the clocks went from 23:59:59 to 1:00.
  ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z'],
])('%s begins in %s at %s', (date, timezone, start) => {
  expect(startOfDate(date, timezone)).toBe(start);
});

test('days have 23 or 25 hours when the clocks change', () => {
  const dates = bucketDates('2026-03-28', '2026-03-30', 'day');
  const { starts, end } = bucketsUntil(new Date('2026-04-15T00:00:00Z'), dates, '2026-03-30', 'Europe/Berlin');
  const hours = [...starts, end].map((time) => Date.parse(time) / 3_600_000);
  expect(hours.slice(1).map((hour, n) => hour - hours[n]!)).toEqual([24, 23, 24]);
});

test('weeks begin on Monday, the first one with the range', () => {
  expect(bucketDates('2026-01-05', '2026-01-18', 'week')).toEqual(['2026-01-05', '2026-01-12']);
  expect(bucketDates('2026-01-04', '2026-01-12', 'week')).toEqual(['2026-01-04', '2026-01-05', '2026-01-12']);
  expect(bucketDates('2026-01-06', '2026-01-11', 'week')).toEqual(['2026-01-06']);
  const { end } = bucketsUntil(new Date('2026-02-01T00:00:00Z'), ['2026-01-04', '2026-01-05'], '2026-01-06', 'UTC');
  expect(end).toBe('2026-01-07T00:00:00.000Z');
});

test('what has not begun is left out', () => {
  const now = new Date('2026-01-02T23:30:00Z');
  const dates = bucketDates('2026-01-01', '2026-01-09', 'day');
  expect(bucketsUntil(now, dates, '2026-01-09', 'UTC')).toMatchObject({
    dates: ['2026-01-01', '2026-01-02'],
    end: '2026-01-03T00:00:00.000Z',
  });
  expect(bucketsUntil(now, dates, '2026-01-09', 'Europe/Berlin').dates).toHaveLength(3);
});
