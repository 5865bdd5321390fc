import { LRUCache } from 'lru-cache';

/** @returns the calendar date, `YYYY-MM-DD`, that it now is in an IANA time zone. */
export function today(timezone: string, now = new Date()): string {
  // Making a formatter costs a hundred times what using one does.
  let formatter = formatters.get(timezone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, year: 'numeric', month: '2-digit', day: '2-digit' });
    formatters.set(timezone, formatter);
  }
  return formatter.format(now);
}

const formatters = new LRUCache<string, Intl.DateTimeFormat>({ max: 100 });
