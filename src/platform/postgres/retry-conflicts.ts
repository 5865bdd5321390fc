import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailable } from './connection-failure.ts';

const MAX_TRIES = 3;
/** Before the second try, on average; twice that before the third. */
const INITIAL_BACKOFF_MS = 20;

// SQLSTATE: the victim of a deadlock, and a failed serialisation. PostgreSQL has taken back all that the transaction wrote.
const conflicts = new Set(['40P01', '40001']);

/** Whether PostgreSQL ended a transaction in favour of another one, so that the same transaction may succeed when it is tried again. */
export function isConflict(error: unknown): boolean {
  return conflicts.has(String((error as { code?: unknown } | null)?.code));
}

/**
 * Does the work, which is one transaction or one statement, again where PostgreSQL ended it in favour of another transaction.
 * @throws DatabaseUnavailable when that happens a third time
 */
export async function retryingConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (tries === MAX_TRIES) throw new DatabaseUnavailable(error);
      await sleep(INITIAL_BACKOFF_MS * tries * 2 * Math.random());
    }
  }
}
