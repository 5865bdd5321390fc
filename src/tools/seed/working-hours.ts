import type { Random } from './random.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const OPENS = 7;
const CLOSES = 17;

/** A moment so many days after another, in milliseconds, when people are at work: on a weekday, by day, and later in any case. */
export function workingMoment(after: number, days: number, random: Random): number {
  const wanted = after + days * DAY + random.between(1, 20) * 60_000;
  const midnight = Math.floor(wanted / DAY) * DAY;
  const hour = (wanted - midnight) / HOUR;
  if (isWeekday(midnight) && hour >= OPENS && hour < CLOSES) return Math.floor(wanted);
  let day = hour < OPENS ? midnight : midnight + DAY;
  while (!isWeekday(day)) day += DAY;
  return Math.floor(day + OPENS * HOUR + random.next() * 4 * HOUR);
}

/** A day, as `YYYY-MM-DD`, so many after a moment; people do not set due dates on a weekend. */
export function dueDate(after: number, days: number): string {
  let moment = after + days * DAY;
  while (!isWeekday(moment)) moment += DAY;
  return new Date(moment).toISOString().slice(0, 10);
}

function isWeekday(moment: number): boolean {
  const day = new Date(moment).getUTCDay();
  return day !== 0 && day !== 6;
}
