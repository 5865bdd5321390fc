import { today } from './views/today.ts';

/** Parts of a range of dates. */
export interface Buckets {
  /** Dates, `YYYY-MM-DD`; a week begins on Monday, the first one with the range. */
  dates: string[];
  /** When each begins in the time zone: ISO times. */
  starts: string[];
  /** When the last one ends, with the range. */
  end: string;
}

const DAY = 24 * 3600 * 1000;
/** No time zone has ever been further than this from UTC. */
const FARTHEST = 16 * 3600 * 1000;

/** How many buckets a range of dates has, both included. */
export function bucketDates(from: string, to: string, bucket: 'day' | 'week'): string[] {
  if (bucket === 'day') return Array.from({ length: daysBetween(from, to) + 1 }, (_, n) => plusDays(from, n));
  const untilMonday = 8 - (new Date(from).getUTCDay() || 7);
  const mondays = Math.max(0, Math.floor((daysBetween(from, to) - untilMonday) / 7) + 1);
  return [from, ...Array.from({ length: mondays }, (_, n) => plusDays(from, untilMonday + 7 * n))];
}

/** The buckets of a range as times: without those that have not begun. */
export function bucketsUntil(now: Date, dates: readonly string[], to: string, timezone: string): Buckets {
  const begun = dates.filter((date) => date <= today(timezone, now));
  const starts = begun.map((date) => startOfDate(date, timezone));
  const last = begun.length === dates.length ? plusDays(to, 1) : dates[begun.length]!;
  return { dates: begun, starts, end: startOfDate(last, timezone) };
}

export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY);
}

function plusDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * DAY).toISOString().slice(0, 10);
}

/** The first moment of a date in a time zone: midnight, or what comes first on a date that has none. To the second. */
export function startOfDate(date: string, timezone: string): string {
  const midnight = Date.parse(date);
  let [before, at] = [(midnight - FARTHEST) / 1000, (midnight + FARTHEST) / 1000];
  while (at - before > 1) {
    const middle = Math.floor((before + at) / 2);
    if (today(timezone, new Date(middle * 1000)) < date) before = middle;
    else at = middle;
  }
  return new Date(at * 1000).toISOString();
}
