import { setTimeout as sleep } from 'node:timers/promises';
import { StoreRefused, StoreUnavailable } from './events/store/event-store.ts';
import type { Logger } from './platform/logging.ts';
import { isConnectionFailure } from './platform/postgres/connection-failure.ts';

export interface StartOptions {
  /** Gives the start up; what `start` rejects with is thrown then. */
  signal: AbortSignal;
  log: Logger;
  /** Milliseconds before the second try; doubled for each further one, up to five seconds. */
  initialBackoffMs?: number;
}

const MAX_BACKOFF_MS = 5_000;

/**
 * Starts again for as long as a start fails because PostgreSQL or the event store cannot be reached: a server that goes away, or is too
 * slow, in the midst of a start is waited for like one that was never there.
 * @throws what waiting does not heal
 */
export async function startUntilReachable<T>(start: () => Promise<T>, { signal, log, initialBackoffMs = 200 }: StartOptions): Promise<T> {
  for (let delay = initialBackoffMs; ; delay = Math.min(delay * 2, MAX_BACKOFF_MS)) {
    try {
      return await start();
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      log.error({ error }, `the start failed because a server cannot be reached; it is tried again in ${delay} ms`);
    }
    await sleep(delay, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function isTransient(error: unknown): boolean {
  return isConnectionFailure(error) || (error instanceof StoreUnavailable && !(error instanceof StoreRefused));
}
