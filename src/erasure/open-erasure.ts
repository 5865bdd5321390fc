import type pg from 'pg';
import type { Accounts } from '../accounts/accounts.ts';
import type { CommandOutcome } from '../commands/command-order.ts';
import type { Tasks } from '../commands/tasks.ts';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { EventStore } from '../events/store/event-store.ts';
import { startChore } from '../platform/chore.ts';
import type { Logger } from '../platform/logging.ts';
import type { Progress } from '../projections/progress.ts';
import { createErasure, type Erasure } from './erasure.ts';
import type { ErasureRecord } from './erasure-record.ts';

export interface ErasureComposition {
  record: ErasureRecord;
  pool: pg.Pool;
  accounts: Pick<Accounts, 'erasures' | 'onChange'>;
  tasks: Tasks;
  vault: KeyVault;
  store: EventStore;
  /** The read models, by name. */
  models: readonly string[];
  progress: Progress;
  queries: {
    tasksConcerning(userId: string): Promise<string[]>;
    erasuresInLog(): Promise<{ user_id: string; transfer_to: string | null }[]>;
  };
  purgeFiles(taskId: string): Promise<void>;
  wrote(personId: string, outcome: CommandOutcome): void;
  log: Logger;
}

// Milliseconds.
const FOLLOW_WITHIN = 30_000;
const LOOK_EVERY = 60_000;
const RETRY_AFTER = 5_000;

/** Erasing, on the parts of the service. What this machine's record says is repeated before this resolves; jobs are to run after that. */
export async function openErasure(parts: ErasureComposition): Promise<Erasure> {
  const { accounts, vault, log, queries, tasks, store, purgeFiles } = parts;
  accounts.onChange((userId) => {
    vault.letGo(userId).catch((error) => log.warn({ error }, 'whether keys were destroyed could not be asked: all are forgotten'));
  });
  const reached = async (model: string, within: number) => parts.progress.reached(model, await store.head(), within);
  return createErasure({
    erasures: accounts.erasures,
    vault,
    tasks,
    store,
    record: parts.record,
    log,
    purgeFiles,
    onWritten: parts.wrote,
    async tasksOf(userId) {
      if (!(await reached('listing', FOLLOW_WITHIN))) throw new Error('the list of tasks does not follow the log');
      return queries.tasksConcerning(userId);
    },
    async readModelsFollow() {
      for (const model of parts.models) await reached(model, FOLLOW_WITHIN);
    },
    forgetSamples: () => forgetSamples(parts.pool),
    async wishesInLog() {
      if (!(await reached('activity', FOLLOW_WITHIN))) throw new Error('the activity does not follow the log');
      return queries.erasuresInLog();
    },
    clock: () => new Date(),
  });
}

/** New samples take the place of the old. All versions of the read models, whoever writes them. */
async function forgetSamples(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname = 'accounts' and tablename in ('users', 'sessions', 'access_tokens')
         or schemaname = 'webhooks' and tablename = 'webhooks'
         or schemaname in (select format('%s_v%s_g%s', name, version, generation) from projections.generations)`,
  );
  for (const { name } of rows) await pool.query(`analyze ${name}`);
}

/** Looks again and again for erasures that nobody is at. */
export function keepErasing(pool: pg.Pool, erasure: Erasure, log: Logger): { close(): Promise<void> } {
  return startChore(pool, {
    name: 'erasures',
    every: LOOK_EVERY,
    retryAfter: RETRY_AFTER,
    work: erasure.goOn,
    onFailure: (error) => log.warn({ error }, 'erasures could not be gone on with; it is tried again'),
  });
}
