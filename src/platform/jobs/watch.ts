import type { PgBoss } from 'pg-boss';
import type { Logger } from '../logging.ts';
import { isConnectionFailure } from '../postgres/connection-failure.ts';
import type { JobTable } from './job-table.ts';

const LOOK_EVERY = 2_000;
const TIDY_EVERY = 1_800_000;

export interface WatchParts {
  table: JobTable;
  boss: PgBoss;
  log: Logger;
  /** Told when jobs of an instance that died are back in the queue. */
  found(): void;
}

/**
 * Puts jobs of instances that died back into the queue, and clears away old ones. A look is one read, for pg-boss's own supervision
 * writes each time; that is asked for only where there is something to do.
 */
export function watchForAbandoned({ table, boss, log, found }: WatchParts): { close(): Promise<void> } {
  let tidied = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    try {
      const isAbandoned = await table.hasAbandoned();
      const isTimeToTidy = performance.now() - tidied > TIDY_EVERY;
      if (isAbandoned || isTimeToTidy) await boss.supervise();
      if (isAbandoned) found();
      if (!isTimeToTidy) return;
      tidied = performance.now();
      await table.forgetOld();
    } catch (error) {
      if (!isConnectionFailure(error)) log.error({ error }, 'jobs of instances that died cannot be looked for; it is tried again');
    }
  }

  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = null;
    });
  }, LOOK_EVERY).unref();
  return {
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}
