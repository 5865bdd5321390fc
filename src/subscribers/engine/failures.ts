import { StoreUnavailable } from '../../events/store/event-store.ts';
import { isConnectionFailure } from '../../platform/postgres/connection-failure.ts';
import { TargetChanged, TargetLost, Unreachable } from '../subscriber.ts';
import { Fenced } from './checkpoint.ts';

/** Processes have ended while they handled an event, so often that it is to blame. */
export class EndsProcess extends Error {
  readonly starts: number;
  constructor(starts: number) {
    super(`the process ended ${starts} times while it was handled`);
    this.starts = starts;
  }
}

const outside = [Fenced, Unreachable, TargetLost, TargetChanged, StoreUnavailable];

/** Whether an error tells of something else than the events that were handled. */
export function tellsOfNoEvent(error: unknown): boolean {
  return outside.some((kind) => error instanceof kind) || isConnectionFailure(error) || isRace(error);
}

/** Two transactions waited for each other, or got in each other's way: SQLSTATE class 40. */
function isRace(error: unknown): boolean {
  return /^40...$/.test(String((error as { code?: unknown } | undefined)?.code));
}

/** @throws the signal's reason as soon as it is aborted; the work is left to itself then */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abandon = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abandon = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abandon);
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', abandon));
}

export function describe(error: unknown): string {
  return String((error as Error | undefined)?.message ?? error);
}
