import type { Logger } from '../platform/logging.ts';
import type { Database } from './database.ts';
import type { SecurityEvent, SecurityEventKind } from './security-event.ts';
import { createSecurityTallies, type RowBudget } from './security-tallies.ts';

/** Keeps security events: in the log as they happen, and counted by the minute in `accounts.security_events`, for admins to read. */
export interface SecurityLog {
  /** Takes no time: it is written within a second, with others. */
  record(event: SecurityEvent): void;
  /** Writes what was recorded before this call. @throws DatabaseUnavailable; it is then tried again */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface SecurityLogOptions {
  database: Database;
  log: Logger;
  clock: () => Date;
  budget?: RowBudget;
}

/** At a few hundred bytes a row, half a gigabyte in the ninety days that they are kept, whatever happens. */
const usualBudget: RowBudget = { burst: 1_000, perMinute: 20 };
/** Milliseconds. */
const WRITE_AFTER = 500;
const BATCH = 1_000;

export function startSecurityLog({ database, log, clock, budget = usualBudget }: SecurityLogOptions): SecurityLog {
  const tallies = createSecurityTallies(budget);
  const security = log.named('security');
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let isFailing = false;

  const write = async () => {
    for (let rows = tallies.pending(BATCH); rows.length > 0; rows = tallies.pending(BATCH)) {
      await database.rows(addRows, [JSON.stringify(rows)]);
      tallies.written(rows);
    }
  };
  // One at a time: what is being written is still counted as pending.
  const flush = (): Promise<void> => {
    writing = writing.then(write, write);
    return writing;
  };
  const writeSoon = () => {
    timer ??= setTimeout(async () => {
      timer = undefined;
      try {
        await flush();
        isFailing = false;
      } catch (error) {
        if (!isFailing) log.error({ error }, 'security events could not be written; it is tried again');
        isFailing = true;
        writeSoon();
      }
    }, WRITE_AFTER).unref();
  };

  return {
    record(event) {
      // Anybody who guesses at paths is refused; the others are worth a look.
      security[event.kind === 'access_refused' ? 'info' : 'warn'](facts(event), sentences[event.kind]);
      tallies.count(event, clock());
      writeSoon();
    },
    flush,
    async close() {
      clearTimeout(timer);
      await flush().catch((error) => log.error({ error }, 'the last security events could not be written'));
      clearTimeout(timer);
    },
  };
}

const sentences: Record<SecurityEventKind, string> = {
  login_failed: 'login failed',
  token_reused: 'a used refresh token came again: its session is over',
  access_refused: 'access refused',
  role_changed: 'role changed',
  account_disabled: 'account disabled',
  account_enabled: 'account enabled',
  account_erased: 'account erased',
};

function facts({ kind, userId, actorId, ip, requestId, code, method, path, details }: SecurityEvent): object {
  return { kind, user_id: userId, actor_id: actorId, ip, code, method, path, request_id: requestId, ...details };
}

// In the order of their ids, so that instances that add to the same rows wait for each other and never in a circle.
const addRows = `
  insert into accounts.security_events as there
  select * from json_populate_recordset(null::accounts.security_events, $1) order by id
  on conflict (id) do update
    set count = there.count + excluded.count, request_id = excluded.request_id,
        last_occurred_at = greatest(there.last_occurred_at, excluded.last_occurred_at)`;
