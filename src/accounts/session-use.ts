import type { Logger } from '../platform/logging.ts';
import type { Database } from './database.ts';

/** When sessions were last used: remembered here, and written down now and then. */
export interface SessionUse {
  /** The session is being used. */
  note(sessionId: string): void;
  /** Writes down what was noted before this call. @throws DatabaseUnavailable */
  write(): Promise<void>;
  /** Writes down the last of it. */
  close(): Promise<void>;
}

const MINUTE = 60_000;

/** A session's use is written down at most once in this time, all of them in one statement. @param every milliseconds */
export function startSessionUse(database: Database, clock: () => Date, log: Logger, every = MINUTE): SessionUse {
  let noted = new Map<string, number>();
  let writing: Promise<unknown> = Promise.resolve();

  const writeAll = async (): Promise<void> => {
    if (noted.size === 0) return;
    const uses = noted;
    noted = new Map();
    await database.rows(writeUses, [[...uses.keys()], Array.from(uses.values(), (time) => new Date(time))]);
  };
  const write = (): Promise<void> => {
    const written = writing.then(writeAll);
    writing = written.catch(() => {});
    return written;
  };
  const tryToWrite = () => write().catch((error) => log.warn({ error }, 'when sessions were last used could not be written down'));
  const timer = setInterval(tryToWrite, every).unref();

  return {
    note: (sessionId) => void noted.set(sessionId, clock().getTime()),
    write,
    async close() {
      clearInterval(timer);
      await tryToWrite();
    },
  };
}

// In one order by all instances, and past what is being renewed or ended at the moment: nobody waits for anybody.
const writeUses = `
  update accounts.sessions set last_used_at = uses.at
    from (select sessions.id, use.at
            from accounts.sessions join unnest($1::uuid[], $2::timestamptz[]) as use (id, at) on use.id = sessions.id
           where sessions.ended_at is null and sessions.last_used_at < use.at
           order by sessions.id for update of sessions skip locked) as uses
   where sessions.id = uses.id`;
