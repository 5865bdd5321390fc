import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';

export interface Chore {
  /** The same on all instances: one of them does it at a time. */
  name: string;
  /** Milliseconds between two times; and before it is tried again after a failure. */
  every: number;
  retryAfter: number;
  /** Ends early when the signal aborts. */
  work(signal: AbortSignal): Promise<void>;
  onFailure(error: unknown): void;
}

/** Does something now and then, beginning now. Where another instance is at it already, it is left to that one. */
export function startChore(pool: pg.Pool, { name, every, retryAfter, work, onFailure }: Chore): { close(): Promise<void> } {
  const closing = new AbortController();
  const { signal } = closing;
  const repeat = async () => {
    while (!signal.aborted) {
      const wait = await alone(pool, name, () => work(signal)).then(
        () => every,
        (error: unknown) => {
          if (!signal.aborted) onFailure(error);
          return retryAfter;
        },
      );
      await pause(wait, undefined, { signal, ref: false }).catch(() => {});
    }
  };
  const repeating = repeat();
  return {
    async close() {
      closing.abort();
      await repeating;
    },
  };
}

/** The lock is the session's: it goes with the connection, whatever becomes of this process. */
async function alone(pool: pg.Pool, name: string, work: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  let lost: Error | boolean = true;
  try {
    const { rows } = await client.query(`select pg_try_advisory_lock(hashtextextended('chore ' || $1, 0)) as held`, [name]);
    if (rows[0].held) {
      await work();
      await client.query(`select pg_advisory_unlock(hashtextextended('chore ' || $1, 0))`, [name]);
    }
    lost = false;
  } finally {
    client.release(lost);
  }
}
