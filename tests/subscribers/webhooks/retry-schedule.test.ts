import { expect, test } from '@jest/globals';
import { nextAttempt, usualSchedule } from '../../../src/subscribers/webhooks/retry-schedule.ts';
import { newSecret, parseSecret, secretText } from '../../../src/subscribers/webhooks/secret.ts';

const HOUR = 3_600_000;
const start = new Date('2026-01-02T03:00:00.000Z');
const wait = (attempts: number, more: { after?: number; retryAfter?: string } = {}) => {
  const now = new Date(start.getTime() + (more.after ?? 0));
  const next = nextAttempt({ attempts, firstAttemptAt: start, now, retryAfter: more.retryAfter }, usualSchedule);
  return next && (next.getTime() - now.getTime()) / 1000;
};

test.each([1, 5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 21_600].map((seconds, index) => [index + 1, seconds]))(
  'after attempt %i there is a pause of %i s, a fifth more or less',
  (attempts, seconds) => {
    const waits = Array.from({ length: 500 }, () => wait(attempts!)! / seconds!);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0.799);
    expect(Math.min(...waits)).toBeLessThan(0.85);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1.201);
    expect(Math.max(...waits)).toBeGreaterThan(1.15);
  },
);

test('the last attempt is a day after the first, and none comes behind it', () => {
  expect(wait(10, { after: 23 * HOUR })).toBe(3600);
  expect(wait(10, { after: 24 * HOUR - 1 })).toBe(0.001);
  expect(wait(10, { after: 24 * HOUR })).toBeNull();
  expect(wait(1, { retryAfter: '604800' })).toBe(24 * 3600);
});

test.each([
  ['120', 120],
  ['0', 1],
  ['Fri, 02 Jan 2026 03:01:00 GMT', 60],
  ['Fri, 02 Jan 2026 02:00:00 GMT', 1],
])('Retry-After: %s comes before the schedule', (retryAfter, seconds) => {
  expect(wait(6, { retryAfter })).toBe(seconds);
});

test.each(['soon', '', '-5', '1e3'])('Retry-After: "%s" says nothing', (retryAfter) => {
  expect(wait(6, { retryAfter })).toBeGreaterThanOrEqual(1400);
});

test('a secret is whsec_ and the base64 of 24 to 64 bytes, with or without its padding', () => {
  const secret = newSecret();
  expect(parseSecret(secretText(secret))).toEqual(secret);
  const text = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
  for (const bytes of [24, 25, 26, 32, 64]) {
    expect(parseSecret(text(bytes))).toEqual(Buffer.alloc(bytes, 7));
    expect(parseSecret(text(bytes).replace(/=/g, ''))).toEqual(Buffer.alloc(bytes, 7));
  }
  for (const wrong of [
    text(23),
    text(65),
    text(32).slice(6),
    `${text(24)}!`,
    text(24).replace('whsec_', 'WHSEC_'),
    'whsec_',
    '',
    `${text(32)}\n`,
    text(32).replace('B', '-'),
  ])
    expect([wrong, parseSecret(wrong)]).toEqual([wrong, undefined]);
});
