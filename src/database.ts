import { join } from 'node:path';
import type pg from 'pg';
import { accountMigrations } from './accounts/schema.ts';
import { uploadMigrations } from './commands/upload-schema.ts';
import type { Config } from './config.ts';
import { guardLogStatements } from './events/store/postgres/guard-log.ts';
import { eventLogMigrations } from './events/store/postgres/schema.ts';
import { notificationMigrations } from './notifications/schema.ts';
import type { Closing } from './platform/closing.ts';
import { jobMigrations } from './platform/jobs/schema.ts';
import type { Logger } from './platform/logging.ts';
import { mailMigrations } from './platform/mail/schema.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './platform/postgres/embedded.ts';
import { migrate } from './platform/postgres/migrate.ts';
import { createPools, endPools, type Pools } from './platform/postgres/pools.ts';
import { DATABASE } from './platform/postgres/provision.ts';
import { waitForDatabase } from './platform/postgres/wait-for-database.ts';
import { rateLimitMigrations } from './platform/rate-limits/schema.ts';
import { requireIcu, textMigrations } from './platform/text/schema.ts';
import { projectionMigrations } from './projections/migrations.ts';
import { subscriberMigrations } from './subscribers/engine/schema.ts';
import { webhookMigrations } from './subscribers/webhooks/schema.ts';

/** In the order in which they may build on each other. */
const migrations = [
  { part: 'texts', migrations: textMigrations },
  { part: 'event_log', migrations: eventLogMigrations },
  { part: 'accounts', migrations: accountMigrations },
  { part: 'mail', migrations: mailMigrations },
  { part: 'notifications', migrations: notificationMigrations },
  { part: 'projections', migrations: projectionMigrations },
  { part: 'subscribers', migrations: subscriberMigrations },
  { part: 'webhooks', migrations: webhookMigrations },
  { part: 'jobs', migrations: jobMigrations },
  { part: 'rate_limits', migrations: rateLimitMigrations },
  { part: 'uploads', migrations: uploadMigrations },
];

export interface Database {
  connectionString: string;
  pools: Pools;
  /** Of the pools, the one for what no request waits for. */
  pool: pg.Pool;
  /** Calls back whenever a connection was lost that this process had not closed. */
  onLoss(listener: () => void): void;
  /** For connections outside the pools: tells the listeners that one was lost. */
  reportLoss(): void;
}

/**
 * The database of the configuration, or the service's own below `DATA_DIR`; reachable, and with every table of this release.
 * @param beforeMigrations looks at the database before anything in it is changed, and throws where that must not be
 */
export async function openDatabase(
  config: Config,
  logger: Logger,
  closing: Closing,
  signal: AbortSignal,
  beforeMigrations: (pool: pg.Pool) => Promise<void> = async () => {},
): Promise<Database> {
  const log = logger.named('postgres');
  const own = config.database.url === undefined ? await startOwn(config, log, closing, signal) : undefined;
  const connectionString = config.database.url ?? own!.connectionString;
  let isOpen = true;
  const listeners = new Set<() => void>();
  const reportLoss = () => {
    for (const listener of listeners) listener();
  };
  const pools = createPools(connectionString, config.database.poolMax, (error) => {
    if (!isOpen) return;
    log.warn({ error }, 'a connection to the database was lost; it is replaced');
    reportLoss();
  });
  closing.add('database pools', () => {
    isOpen = false;
    return endPools(pools);
  });
  const pool = pools.background;
  await waitForDatabase(pool, { signal, log: (line) => log.error({}, line) });
  await requireIcu(pool);
  await beforeMigrations(pool);
  await migrate(pool, migrations);
  await own?.administer(guardLogStatements(DATABASE));
  return { connectionString, pools, pool, onLoss: (listener) => void listeners.add(listener), reportLoss };
}

async function startOwn(config: Config, log: Logger, closing: Closing, signal: AbortSignal): Promise<EmbeddedPostgres> {
  const directory = join(config.dataDir, 'postgres');
  const server = await startEmbeddedPostgres({ directory, signal, log: (line) => log.info({}, line) });
  closing.add('embedded database', () => server.stop());
  return server;
}
