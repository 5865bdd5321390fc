import { LRUCache } from 'lru-cache';
import type { Caller } from '../accounts/caller.ts';
import { Timezone } from '../accounts/credentials.ts';

// What a date means: a day of the caller, in the time zone of their profile or of the request. Every filter and statistic asks here.

/** Of every GET that accepts dates or returns days. The handler's caller has this time zone then: see `inTimezone`. */
export const timezoneParameter = Timezone.optional().meta({
  description: 'Whose days the dates are, what is overdue included: an IANA name. The time zone of the caller’s profile when left out.',
});

/** The caller, with the time zone that the request asks for. */
export function inTimezone<C extends Caller | null | undefined>(caller: C, query: unknown): C {
  const { timezone } = (query ?? {}) as { timezone?: string };
  return !caller || timezone === undefined ? caller : { ...caller, timezone };
}

/** @returns the calendar date, `YYYY-MM-DD`, that it now is in an IANA time zone. */
export function today(timezone: string, now = new Date()): string {
  return localTime(timezone, now).slice(0, 10);
}

/** PostgreSQL, like the calendar, has no year 0. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LAST_DATE = '9999-12-31';
const LATEST_MS = Date.parse(`${LAST_DATE}T23:59:59.999Z`);

/** A date as a parameter has it, or an ISO time with milliseconds. */
export type DateOrTime = string;

export function isDate(value: DateOrTime): boolean {
  return value.length === 'YYYY-MM-DD'.length;
}

/** A time as it is, and the first moment of a date; as an ISO time. */
export function firstMoment(value: DateOrTime, timezone: string): string {
  return isDate(value) ? isoTime(Date.parse(startOfDate(value, timezone))) : value;
}

/** A time as it is, and the last millisecond of a date. On a date that the time zone has skipped it is before the first one. */
export function lastMoment(value: DateOrTime, timezone: string): string {
  if (!isDate(value)) return value;
  return value === LAST_DATE ? isoTime(LATEST_MS) : isoTime(Date.parse(startOfDate(plusDays(value, 1), timezone)) - 1);
}

/** The times from the first moment of one date, or time, to the last of another; undefined where there is neither. */
export function momentsBetween(after: DateOrTime | undefined, before: DateOrTime | undefined, timezone: string) {
  if (after === undefined && before === undefined) return undefined;
  return { after: after && firstMoment(after, timezone), before: before && lastMoment(before, timezone) };
}

function isoTime(time: number): string {
  return new Date(Math.min(Math.max(time, EARLIEST_MS), LATEST_MS)).toISOString();
}

/** The last seven days are today and the six days before. @returns their first moment */
export function startOfLastSevenDays(timezone: string, now: Date): string {
  return firstMoment(plusDays(today(timezone, now), -6), timezone);
}

const DAY_MS = 24 * 3600 * 1000;
/** No time zone has ever been further than this from UTC. */
const MAX_OFFSET_MS = 16 * 3600 * 1000;

export function plusDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The first moment of a date in a time zone: midnight, or what comes first on a date that has none. To the second. */
export function startOfDate(date: string, timezone: string): string {
  const midnight = Date.parse(date);
  let [before, at] = [(midnight - MAX_OFFSET_MS) / 1000, (midnight + MAX_OFFSET_MS) / 1000];
  while (at - before > 1) {
    const middle = Math.floor((before + at) / 2);
    if (today(timezone, new Date(middle * 1000)) < date) before = middle;
    else at = middle;
  }
  return new Date(at * 1000).toISOString();
}

/** How far a time zone is from UTC: from each of the times until the next one, so many seconds ahead. Before the first time it is the same. */
export interface Offsets {
  starts: string[];
  seconds: number[];
}

/** Nothing is older in any log. */
const FIRST_OFFSET_MS = Date.parse('2000-01-01T00:00:00.000Z');
/** No time zone has changed its clocks twice in a shorter time. */
const MIN_BETWEEN_CHANGES_MS = 7 * DAY_MS;
const offsets = new LRUCache<string, Offsets>({ max: 500 });

/** The offsets of a time zone from 2000 until a year from now, for what PostgreSQL counts by day. */
export function offsetsOf(timezone: string, now = new Date()): Offsets {
  const key = `${timezone} ${now.getUTCFullYear()}`;
  const known = offsets.get(key) ?? findOffsets(timezone, now.getTime() + 366 * DAY_MS);
  offsets.set(key, known);
  return known;
}

function findOffsets(timezone: string, end: number): Offsets {
  const changes = [{ at: FIRST_OFFSET_MS, seconds: offsetAt(timezone, FIRST_OFFSET_MS) }];
  for (let time = FIRST_OFFSET_MS + MIN_BETWEEN_CHANGES_MS; time < end; time += MIN_BETWEEN_CHANGES_MS) {
    const seconds = offsetAt(timezone, time);
    if (seconds === changes.at(-1)!.seconds) continue;
    let [before, at] = [time - MIN_BETWEEN_CHANGES_MS, time];
    while (at - before > 1000) {
      const middle = before + Math.floor((at - before) / 2000) * 1000;
      if (offsetAt(timezone, middle) === seconds) at = middle;
      else before = middle;
    }
    changes.push({ at, seconds });
  }
  return { starts: changes.map(({ at }) => new Date(at).toISOString()), seconds: changes.map(({ seconds }) => seconds) };
}

function offsetAt(timezone: string, time: number): number {
  return (Date.parse(`${localTime(timezone, new Date(time)).replace(' ', 'T')}Z`) - time) / 1000;
}

// Making a formatter costs a hundred times what using one does.
const formatters = new LRUCache<string, Intl.DateTimeFormat>({ max: 100 });

/** `YYYY-MM-DD HH:MM:SS`, by the clocks of a time zone. */
function localTime(timezone: string, at: Date): string {
  let formatter = formatters.get(timezone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('sv-SE', {
      timeZone: timezone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    });
    formatters.set(timezone, formatter);
  }
  // The Swedish write a time as ISO 8601 does, but years before 1000 with fewer digits.
  return formatter.format(at).padStart('YYYY-MM-DD HH:MM:SS'.length, '0');
}
