import { expect, test } from '@jest/globals';
import { canonicalTimezone } from '../../src/accounts/timezone.ts';
import { firstMoment, lastMoment, offsetsOf, startOfLastSevenDays, today } from '../../src/api/days.ts';

test.each([
  ['2026-12-01', 'Pacific/Kiritimati', '2026-11-30T10:00:00.000Z', '2026-12-01T09:59:59.999Z'],
  ['2026-12-01', 'Pacific/Pago_Pago', '2026-12-01T11:00:00.000Z', '2026-12-02T10:59:59.999Z'],
  ['2026-12-01', 'Asia/Kathmandu', '2026-11-30T18:15:00.000Z', '2026-12-01T18:14:59.999Z'],
  ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', '2026-03-29T21:59:59.999Z'],
  ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-10-25T22:59:59.999Z'],
  ['0001-01-01', 'Pacific/Kiritimati', '0001-01-01T00:00:00.000Z', expect.stringContaining('0001-01-02T10:')],
  ['9999-12-31', 'Pacific/Pago_Pago', '9999-12-31T11:00:00.000Z', '9999-12-31T23:59:59.999Z'],
  ['2026-12-01T00:00:00.000Z', 'Asia/Kathmandu', '2026-12-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
])('%s in %s is from %s to %s', (value, timezone, first, last) => {
  expect(firstMoment(value, timezone)).toEqual(first);
  expect(lastMoment(value, timezone)).toEqual(last);
});

test('a date that a time zone has skipped has no moment', () => {
  expect(firstMoment('2011-12-30', 'Pacific/Apia') > lastMoment('2011-12-30', 'Pacific/Apia')).toBe(true);
});

test('the last seven days are today and the six before, by the clocks of the time zone', () => {
  expect(startOfLastSevenDays('Europe/Berlin', new Date('2026-03-31T22:30:00Z'))).toBe('2026-03-25T23:00:00.000Z');
  expect(startOfLastSevenDays('UTC', new Date('2026-03-31T22:30:00Z'))).toBe('2026-03-25T00:00:00.000Z');
});

test.each(['UTC', 'Europe/Berlin', 'Africa/Casablanca', 'Pacific/Apia', 'Australia/Lord_Howe', 'America/Caracas', 'Asia/Kathmandu'])(
  'the offsets of %s give each moment the date of the calendar',
  (timezone) => {
    const { starts, seconds } = offsetsOf(timezone);
    for (let time = Date.parse('2001-01-01T00:30:00Z'); time < Date.now(); time += 13 * 3600 * 1000) {
      const at = new Date(time).toISOString();
      const offset = seconds[starts.findLastIndex((start) => start <= at)]!;
      expect(new Date(time + offset * 1000).toISOString().slice(0, 10)).toBe(today(timezone, new Date(time)));
    }
  },
);

test.each([
  ['europe/berlin', 'Europe/Berlin'],
  ['UTC', 'UTC'],
  ['asia/KOLKATA', 'Asia/Kolkata'],
  ['america/argentina/buenos_aires', 'America/Argentina/Buenos_Aires'],
  ['america/port-au-prince', 'America/Port-au-Prince'],
  ['america/port_of_spain', 'America/Port_of_Spain'],
  ['etc/gmt+5', 'Etc/GMT+5'],
  ['est5edt', 'EST5EDT'],
  ['+02:00', undefined],
  ['Mars/Phobos', undefined],
])('the canonical spelling of %s is %s', (name, canonical) => {
  expect(canonicalTimezone(name)).toBe(canonical);
});
