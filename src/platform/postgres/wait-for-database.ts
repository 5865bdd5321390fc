import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { DatabaseUnavailable, isConnectionFailure } from './connection-failure.ts';

export type Waiting = { readonly signal: AbortSignal; readonly log: (line: string) => void };

const FIRST_DELAY = 100;
const LONGEST_DELAY = 5_000;

/**
 * Waits until the database answers, for as long as it takes, with a line of log for each failed try. Throws at once what no waiting
 * heals (a wrong password, a missing database), and the signal's reason when that is aborted.
 */
export async function waitForDatabase(pool: pg.Pool, { signal, log }: Waiting): Promise<void> {
  for (let delay = FIRST_DELAY; ; delay = Math.min(delay * 2, LONGEST_DELAY)) {
    signal.throwIfAborted();
    try {
      await pool.query('select 1');
      return;
    } catch (error) {
      if (!isConnectionFailure(error)) throw error;
      log(`${new DatabaseUnavailable(error).message}; next try in ${delay} ms`);
    }
    await sleep(delay, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
