import { plusDays, startOfDate, today } from './days.ts';

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
