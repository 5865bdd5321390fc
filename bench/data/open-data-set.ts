import type pg from 'pg';
import { createKeyVault, type KeyVault } from '../../src/events/keys/key-vault.ts';
import type { EventStore } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { keysFor } from '../../src/platform/generated-keys.ts';
import { createLog, type Logger } from '../../src/platform/logging.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import type { Stage } from '../support/benchmark.ts';
import { startPostgres } from '../support/service.ts';
import type { DataSet } from './data-set.ts';

/** A data set with its PostgreSQL server running as the service runs it, flushing to disk. */
export interface OpenDataSet {
  connectionString: string;
  pool: pg.Pool;
  store: EventStore;
  logger: Logger;
  /** One that knows no key yet. */
  newVault(): KeyVault;
}

export async function openDataSet({ closing }: Pick<Stage, 'closing'>, { directory }: Pick<DataSet, 'directory'>): Promise<OpenDataSet> {
  const connectionString = await startPostgresOf({ closing }, { directory });
  const pool = createPool(connectionString, { max: 8, applicationName: 'bench', onError: () => {}, statementTimeout: 0 });
  closing.add('pool', () => pool.end());
  const store = await createPostgresEventStore({ connectionString, log: () => {} });
  closing.add('event store', () => store.close());
  const { master } = await keysFor(directory, {});
  const logger = createLog({ level: 'error', format: 'json' });
  return { connectionString, pool, store, logger, newVault: () => createKeyVault(pool, master) };
}

export function startPostgresOf({ closing }: Pick<Stage, 'closing'>, { directory }: Pick<DataSet, 'directory'>): Promise<string> {
  return startPostgres({ closing, directory });
}
