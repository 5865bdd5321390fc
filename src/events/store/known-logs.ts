import type pg from 'pg';

/** The logs that this installation's PostgreSQL goes with: those that it began, imported or moved, and those that an operator adopted. */
export interface KnownLogs {
  isKnown(logId: string): Promise<boolean>;
  remember(logId: string): Promise<void>;
}

/** A log as an operator recognises it. */
export interface LogDescription {
  id: string;
  begunAt: Date;
  /** In words: of a long log, no more is counted than tells that it is long. */
  events: string;
}

/** The log, or what belongs to a log, is of another installation. The message names it, and says what to do. */
export class UnknownLog extends Error {
  override name = 'UnknownLog';
}

export function createKnownLogs(pool: pg.Pool): KnownLogs {
  return {
    async isKnown(logId) {
      const { rowCount } = await pool.query('select from event_log.known_logs where log_id = $1', [logId]);
      return rowCount! > 0;
    },
    async remember(logId) {
      await pool.query('insert into event_log.known_logs (log_id) values ($1) on conflict do nothing', [logId]);
    },
  };
}

/** @throws UnknownLog */
export async function requireKnownLog(known: KnownLogs, id: string, describe: () => Promise<LogDescription>): Promise<void> {
  if (await known.isKnown(id)) return;
  throw new UnknownLog(
    `EVENTSTORE_URL leads to an event log that this installation did not begin: ${describeLog(await describe())}. Two installations that` +
      ' write to one log each show the tasks of the other without text. Set EVENTSTORE_URL to the event store of this installation, or' +
      ` DATABASE_URL to the database that belongs to this log. To use the log with this database none the less: npm run adopt-log -- ${id}`,
  );
}

export function describeLog({ id, begunAt, events }: LogDescription): string {
  return `${id}, begun at ${begunAt.toISOString()}, with ${events}`;
}
