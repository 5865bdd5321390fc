import { expect, test } from '@jest/globals';
import { localTime, quietUntil } from '../../src/notifications/local-time.ts';

test.each([
  ['UTC', '2026-01-31T23:30:00Z', '2026-01-31 23:30'],
  ['Europe/Berlin', '2026-01-31T23:30:00Z', '2026-02-01 00:30'],
  ['Asia/Kathmandu', '2026-01-31T23:30:00Z', '2026-02-01 05:15'],
  ['America/Los_Angeles', '2026-07-01T06:59:59Z', '2026-06-30 23:59'],
  ['Not/A_Zone', '2026-01-31T00:00:00Z', '2026-01-31 00:00'],
])('in %s, %s is %s', (timezone, at, expected) => {
  const { day, time } = localTime(timezone, new Date(at));
  expect(`${day} ${time}`).toBe(expected);
});

const night = { from: '22:00', to: '07:00' };

test.each([
  // [what, hours, zone, now, end]
  ['by day', night, 'UTC', '2026-01-31T12:00:00Z', null],
  ['at their beginning', night, 'UTC', '2026-01-31T22:00:00Z', '2026-02-01T07:00:00Z'],
  ['after midnight, not at a whole minute', night, 'UTC', '2026-02-01T00:10:20.5Z', '2026-02-01T07:00:00Z'],
  ['in their last second', night, 'UTC', '2026-02-01T06:59:59.999Z', '2026-02-01T07:00:00Z'],
  ['at their end', night, 'UTC', '2026-02-01T07:00:00Z', null],
  ['within a day', { from: '12:00', to: '13:30' }, 'Asia/Kathmandu', '2026-01-31T06:45:00Z', '2026-01-31T07:45:00Z'],
  ['in a night that is an hour shorter', night, 'Europe/Berlin', '2026-03-28T22:00:00Z', '2026-03-29T05:00:00Z'],
  ['in a night that is an hour longer', night, 'Europe/Berlin', '2026-10-24T21:00:00Z', '2026-10-25T06:00:00Z'],
  ['in a shorter night elsewhere', night, 'America/New_York', '2026-03-08T03:30:00Z', '2026-03-08T11:00:00Z'],
  ['where the clocks skip their end', { from: '22:00', to: '02:30' }, 'Europe/Berlin', '2026-03-28T22:00:00Z', '2026-03-29T01:00:00Z'],
  ['where the clocks skip by half an hour', night, 'Australia/Lord_Howe', '2026-10-03T14:00:00Z', '2026-10-03T20:00:00Z'],
] as const)('quiet hours %s end when they do', (_, hours, timezone, now, end) => {
  expect(quietUntil(hours, timezone, new Date(now))).toEqual(end === null ? null : new Date(end));
});
