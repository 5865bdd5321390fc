import type pg from 'pg';
import { PgBoss } from 'pg-boss';
import type { Logger } from '../logging.ts';
import { isConnectionFailure, translated } from '../postgres/connection-failure.ts';
import { retryingConflicts } from '../postgres/retry-conflicts.ts';
import { queueSchema } from './job-table.ts';

/** Seconds after which an instance that gave no sign of life has lost its jobs: the least that pg-boss takes. */
const HEARTBEAT_S = 10;
const HEARTBEAT_EVERY_S = 2;
const LOOK_FOR_JOBS_EVERY_S = 2;
const HOUR_S = 3600;

/** What every job is queued with. How often it is tried again is counted by whoever runs it. */
export const jobOptions = {
  heartbeatSeconds: HEARTBEAT_S,
  expireInSeconds: 24 * HOUR_S,
  deleteAfterSeconds: 24 * HOUR_S,
  retentionSeconds: 14 * 24 * HOUR_S,
  retryLimit: 1_000_000,
  retryDelay: 0,
};

export const workOptions = {
  includeMetadata: true,
  perJobResults: true,
  pollingIntervalSeconds: LOOK_FOR_JOBS_EVERY_S,
  heartbeatRefreshSeconds: HEARTBEAT_EVERY_S,
} as const;

/** pg-boss on the connections of the pool. What it does by itself, on a schedule, is left to be asked for: idle, it would be most of the work. */
export function createQueue(pool: pg.Pool, log: Logger): PgBoss {
  const boss = new PgBoss({
    schema: queueSchema,
    db: { executeSql: (text, values) => execute(pool, text, values) },
    supervise: false,
    schedule: false,
    monitorIntervalSeconds: 1,
    maintenanceIntervalSeconds: HOUR_S / 2,
    monitorVacuum: false,
    reindex: false,
  });
  let isAway = false;
  boss.on('error', (error: unknown) => {
    if (!isConnectionFailure(error) && !isAwayReport(error)) return log.error({ error }, 'the job queue reports a fault');
    if (!isAway) log.warn({}, 'the job queue cannot reach the database; jobs go on when it is back');
    isAway = true;
  });
  boss.on('warning', ({ message }: { message: string }) => log.warn({}, `the job queue: ${message}`));
  return boss;

  async function execute(on: pg.Pool, text: string, values: unknown[] | undefined) {
    try {
      const result = await retryingConflicts(() => on.query(text, values));
      isAway = false;
      return result;
    } catch (error) {
      throw translated(error);
    }
  }
}

/** pg-boss hands on a copy of what was thrown, which is of no class. */
function isAwayReport(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    String((error as { message?: unknown }).message).startsWith('the database cannot be reached')
  );
}
