/** When a failed delivery is tried again. In milliseconds. */
export interface RetrySchedule {
  /** After the first attempt, the second, …; the last of them from then on. */
  pauses: readonly number[];
  /** Each is longer or shorter by up to this part of it, so that what failed together does not come together. */
  spread: number;
  /** From the first attempt on. */
  giveUpAfter: number;
}

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];

export const usualSchedule: RetrySchedule = {
  pauses: [SECOND, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR],
  spread: 0.2,
  giveUpAfter: 24 * HOUR,
};

/** Whoever asks for less gets this. */
const SHORTEST = SECOND;

export interface Failed {
  attempts: number;
  firstAttemptAt: Date;
  now: Date;
  /** The header of the answer, where it had one. */
  retryAfter: string | undefined;
}

/** The last attempt is when the time is up. @returns null when it is */
export function nextAttempt({ attempts, firstAttemptAt, now, retryAfter }: Failed, schedule: RetrySchedule): Date | null {
  const end = firstAttemptAt.getTime() + schedule.giveUpAfter;
  if (now.getTime() >= end) return null;
  const asked = retryAfter === undefined ? undefined : afterHeader(retryAfter, now);
  const wait = asked === undefined ? spread(schedule, attempts) : Math.max(asked, SHORTEST);
  return new Date(Math.min(now.getTime() + wait, end));
}

function spread({ pauses, spread }: RetrySchedule, attempts: number): number {
  const pause = pauses[Math.min(attempts, pauses.length) - 1]!;
  return pause * (1 + spread * (2 * Math.random() - 1));
}

/** Seconds, or a date (RFC 9110, 10.2.3); undefined for what is neither. */
function afterHeader(text: string, now: Date): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // What begins with the name of a day; much else is a date to JavaScript.
  const date = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : date - now.getTime();
}
