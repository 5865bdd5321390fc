import { LRUCache } from 'lru-cache';
import type { QuietHours } from '../accounts/preferences.ts';

/** What calendar and clock say in a time zone. */
export interface LocalTime {
  /** YYYY-MM-DD */
  day: string;
  /** HH:MM */
  time: string;
}

const formatters = new LRUCache<string, Intl.DateTimeFormat>({ max: 500 });

/** @param timezone an IANA name; one that is unknown here counts as UTC */
export function localTime(timezone: string, at: Date): LocalTime {
  const [day, time] = formatterOf(timezone).format(at).split(' ') as [string, string];
  return { day, time };
}

/** The first minute that is not within somebody's quiet hours; null when they are not quiet just now. */
export function quietUntil({ from, to }: QuietHours, timezone: string, at: Date): Date | null {
  const timeAt = (moment: Date) => localTime(timezone, moment).time;
  const isQuiet = (time: string) => (from < to ? from <= time && time < to : from <= time || time < to);
  if (!isQuiet(timeAt(at))) return null;
  const minutesUntilEnd = (time: string) => (minutes(to) - minutes(time) + DAY) % DAY;
  let end = plus(new Date(Math.floor(at.getTime() / MINUTE) * MINUTE), minutesUntilEnd(timeAt(at)));
  // Where the clocks were changed meanwhile, it is too late or too early by as much; where they skip the end, it is when they have.
  const off = minutesUntilEnd(timeAt(end));
  end = plus(end, off > DAY / 2 ? off - DAY : off);
  while (isQuiet(timeAt(end))) end = plus(end, 1);
  return end;
}

const MINUTE = 60_000;
const DAY = 24 * 60;

function plus(time: Date, count: number): Date {
  return new Date(time.getTime() + count * MINUTE);
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function formatterOf(timezone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timezone);
  if (!formatter) {
    formatter = makeFormatter(timezone);
    formatters.set(timezone, formatter);
  }
  return formatter;
}

function makeFormatter(timeZone: string): Intl.DateTimeFormat {
  // The Swedish write it as ISO 8601 does.
  const make = (zone: string) =>
    new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  try {
    return make(timeZone);
  } catch {
    return make('UTC');
  }
}
