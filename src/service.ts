import { type Accounts, createAccounts } from './accounts/accounts.ts';
import { createFreshness, type Freshness } from './api/freshness.ts';
import { requestMetrics as countRequests } from './api/request-metrics.ts';
import type { Readiness } from './api/routes/ops.ts';
import { type ApiServer, createApiServer } from './api/server.ts';
import { createKeyedQueue } from './commands/keyed-queue.ts';
import { createTaskStreams } from './commands/task-streams.ts';
import { createTasks } from './commands/tasks.ts';
import type { Config } from './config.ts';
import { type Database, openDatabase } from './database.ts';
import { openEventStore } from './event-store.ts';
import { deriveKey } from './events/keys/data-key.ts';
import { createKeyVault } from './events/keys/key-vault.ts';
import type { EventStore } from './events/store/event-store.ts';
import { observed } from './events/store/observed-store.ts';
import { healthOf, measure } from './observation.ts';
import { type Closing, createClosing } from './platform/closing.ts';
import { type Keys, keysFor } from './platform/generated-keys.ts';
import type { Logger } from './platform/logging.ts';
import { createMetrics } from './platform/metrics.ts';
import { watchClock } from './platform/postgres/clock-watch.ts';
import { occupy } from './platform/postgres/occupancy.ts';
import { runningVersion } from './platform/version.ts';
import { activity } from './projections/activity/activity.ts';
import { listing } from './projections/listing/listing.ts';
import { startReadModels } from './projections/read-models.ts';
import { createQueries } from './queries/queries.ts';
import { allRoutes, routesWhileStarting } from './routes.ts';

/** The service, serving. */
export interface Service {
  /** Where it listens. */
  port: number;
  host: string;
  /** Finishes what is under way, for so many seconds at most, then closes every part. May be called again. */
  stop(seconds: number): Promise<void>;
}

/** What the composition of every part has in common. */
interface Composition {
  config: Config;
  logger: Logger;
  closing: Closing;
  /** Gives up the start. */
  signal: AbortSignal;
  keys: Keys;
}

/**
 * Composes the service from its parts and starts it. It listens at once; until a database that is not there yet has come, everything but
 * the questions of who runs it is answered with 503.
 * @throws what keeps it from starting; everything that was opened is closed again
 */
export async function startService(config: Config, logger: Logger, signal: AbortSignal): Promise<Service> {
  const closing = createClosing((name, error) => logger.error({ error }, `${name} could not be closed`));
  try {
    const keys = await keysFor(config.dataDir, config.keys);
    return await compose({ config, logger, closing, signal, keys });
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function compose(composition: Composition): Promise<Service> {
  const { config, logger, closing, signal } = composition;
  const metrics = createMetrics();
  const requestMetrics = countRequests(metrics);
  const about = { ...runningVersion(), environment: config.environment, started_at: new Date().toISOString() };
  const server = createApiServer({
    ...routesWhileStarting({ about, metrics, requestMetrics }),
    logger: logger.named('api'),
    requestMetrics,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
  });
  const { address: host, port } = await server.listen(config.port, config.host);
  closing.add('HTTP server', () => server.drain(0));

  const watch = measure(metrics);
  const database = await openDatabase(config, logger, closing, signal);
  const write = await openWriteSide(composition, database, watch);
  const { connectionString, pool } = database;
  const readModels = await startReadModels([listing, activity], { connectionString, pool, logger, ...write });
  closing.add('read models', () => readModels.stop());
  watch.readModels(readModels, write.store);
  const freshness = createFreshness(readModels.progress, write.store);
  const accounts = await openAccounts(composition, database, write.store, freshness);

  const readiness = (): Readiness => {
    if (server.isDraining()) return { ready: false, reason: 'shutting down' };
    return readModels.isCaughtUp() ? { ready: true, reason: null } : { ready: false, reason: 'the read models are catching up' };
  };
  const queries = createQueries({
    pool,
    schemas: () => ({ listingSchema: readModels.schema('listing'), activitySchema: readModels.schema('activity') }),
  });
  const checks = healthOf({ store: write.store, pool, readModels });
  server.serve({
    routes: allRoutes({
      ...write,
      accounts,
      queries,
      readModels,
      freshness,
      pool,
      ops: { checks, readiness, about, metrics, requestMetrics },
    }),
    authenticate: accounts.authenticate,
  });
  return { host, port, stop: (seconds) => stop(server, closing, seconds) };
}

async function openWriteSide(
  { config, logger, closing, signal, keys }: Composition,
  database: Database,
  watch: ReturnType<typeof measure>,
) {
  const { connectionString, pool } = database;
  const occupancy = await occupy(connectionString, (line) => logger.error({}, line));
  closing.add('occupancy', () => occupancy.release());
  const clock = await watchClock(pool, (ahead) =>
    logger.error({ ahead_ms: Math.round(ahead) }, 'the clock of this machine is ahead: commands are refused'),
  );
  closing.add('clock watch', () => clock.close());
  const { eventStoreUrl } = config;
  const store = observed(await openEventStore({ eventStoreUrl, connectionString, pool, logger, signal }), watch.appends);
  closing.add('event store', () => store.close());
  const vault = createKeyVault(pool, keys.master);
  const tasks = createTasks({
    store,
    vault,
    streams: createTaskStreams(store, vault),
    queue: createKeyedQueue(),
    secret: deriveKey(keys.secret, 'idempotency'),
    isClockAhead: clock.isAhead,
    onLostRace: watch.lostRace,
  });
  return { store, vault, tasks };
}

async function openAccounts(
  { config, logger, closing, keys }: Composition,
  database: Database,
  store: EventStore,
  freshness: Freshness,
): Promise<Accounts> {
  const accounts = await createAccounts({
    ...database,
    store,
    secretKey: keys.secret,
    log: logger.named('accounts'),
    onAppended: freshness.recorded,
    config: {
      registration: config.registration,
      accessTokenMinutes: config.accessTokenMinutes,
      refreshTokenDays: config.refreshTokenDays,
      firstAdmin: config.admin,
    },
  });
  closing.add('accounts', () => accounts.close());
  return accounts;
}

async function stop(server: ApiServer, closing: Closing, seconds: number): Promise<void> {
  await server.drain(seconds * 1000);
  await closing.close();
}
