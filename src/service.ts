import { createAccounts } from './accounts/accounts.ts';
import { createFreshness } from './api/freshness.ts';
import { requestMetrics as createRequestMetrics } from './api/request-metrics.ts';
import type { Route } from './api/route.ts';
import { activityRoutes } from './api/routes/activity.ts';
import { adminProjectionRoutes } from './api/routes/admin-projections.ts';
import { authRoutes } from './api/routes/auth.ts';
import { bulkRoutes } from './api/routes/bulk.ts';
import { documentRoutes } from './api/routes/documents.ts';
import { opsRoutes } from './api/routes/ops.ts';
import { taskListingRoutes } from './api/routes/task-listing.ts';
import { taskRoutes } from './api/routes/tasks.ts';
import { userRoutes } from './api/routes/users.ts';
import { workflowRoutes } from './api/routes/workflow.ts';
import { createApiServer } from './api/server.ts';
import { createKeyedQueue } from './commands/keyed-queue.ts';
import { createTaskStreams } from './commands/task-streams.ts';
import { createTasks } from './commands/tasks.ts';
import type { Config } from './config.ts';
import { openDatabase } from './database.ts';
import { deriveKey } from './events/keys/data-key.ts';
import { createKeyVault } from './events/keys/key-vault.ts';
import { observed } from './events/store/observed-store.ts';
import { createPostgresEventStore } from './events/store/postgres/postgres-event-store.ts';
import { healthOf, measure } from './observation.ts';
import { type Closing, createClosing } from './platform/closing.ts';
import { keysFor } from './platform/generated-keys.ts';
import type { Logger } from './platform/logging.ts';
import { createMetrics } from './platform/metrics.ts';
import { watchClock } from './platform/postgres/clock-watch.ts';
import { occupy } from './platform/postgres/occupancy.ts';
import { runningVersion } from './platform/version.ts';
import { activity } from './projections/activity/activity.ts';
import { listing } from './projections/listing/listing.ts';
import { startReadModels } from './projections/read-models.ts';
import { createQueries } from './queries/queries.ts';

/** The service, serving. */
export interface Service {
  /** Where it listens. */
  port: number;
  host: string;
  /** Finishes what is under way, for so many seconds at most, then closes every part. May be called again. */
  stop(seconds: number): Promise<void>;
}

/**
 * Composes the service from its parts and starts it. Waits for a database that is not there yet, until the signal aborts.
 * @throws what keeps it from starting; everything that was opened is closed again
 */
export async function startService(config: Config, logger: Logger, signal: AbortSignal): Promise<Service> {
  const closing = createClosing((name, error) => logger.error({ error }, `${name} could not be closed`));
  try {
    return await compose(config, logger, signal, closing);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function compose(config: Config, logger: Logger, signal: AbortSignal, closing: Closing): Promise<Service> {
  const startedAt = new Date();
  const version = runningVersion();
  const metrics = createMetrics();
  const watch = measure(metrics);
  const keys = await keysFor(config.dataDir, config.keys);
  const { connectionString, pool } = await openDatabase(config, logger, closing, signal);
  const occupancy = await occupy(connectionString, (line) => logger.error({}, line));
  closing.add('occupancy', () => occupancy.release());

  const clock = await watchClock(pool, (ahead) =>
    logger.error({ ahead_ms: Math.round(ahead) }, 'the clock of this machine is ahead: commands are refused'),
  );
  closing.add('clock watch', () => clock.close());

  const storeLog = logger.named('eventstore');
  const store = observed(await createPostgresEventStore({ connectionString, log: (line) => storeLog.warn({}, line) }), watch.appends);
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

  const accounts = await createAccounts({
    pool,
    connectionString,
    store,
    secretKey: keys.secret,
    log: logger.named('accounts'),
    config: {
      registration: config.registration,
      accessTokenMinutes: config.accessTokenMinutes,
      refreshTokenDays: config.refreshTokenDays,
      firstAdmin: config.admin,
    },
  });
  closing.add('accounts', () => accounts.close());

  const readModels = await startReadModels([listing, activity], { connectionString, pool, store, vault, logger });
  closing.add('read models', () => readModels.stop());
  watch.readModels(readModels, store);
  const freshness = createFreshness(readModels.progress, store);

  const queries = createQueries({
    pool,
    schemas: () => ({ listingSchema: readModels.schema('listing'), activitySchema: readModels.schema('activity') }),
  });
  const { directory } = accounts;
  const taskServices = {
    tasks,
    freshness,
    people: directory.people,
    isActive: async (id: string) => (await directory.findActive(id)) !== null,
  };
  const requestMetrics = createRequestMetrics(metrics);
  let draining = false;
  const routes: Route[] = [
    ...authRoutes({ accounts }),
    ...userRoutes({ directory }),
    ...workflowRoutes(),
    ...taskRoutes(taskServices),
    ...bulkRoutes(taskServices),
    ...taskListingRoutes({ queries, freshness }),
    ...activityRoutes({
      queries,
      freshness,
      requireTaskVisible: async (taskId, caller) => void (await tasks.read(taskId, caller, { deleted: true })),
    }),
    ...adminProjectionRoutes({ pool, store, readModels }),
    ...opsRoutes({
      checks: healthOf({ store, pool, readModels }),
      readiness: () => {
        if (draining) return { ready: false, reason: 'shutting down' };
        return readModels.isCaughtUp() ? { ready: true, reason: null } : { ready: false, reason: 'the read models are catching up' };
      },
      about: { ...version, environment: config.environment, started_at: startedAt.toISOString() },
      metrics,
      requestMetrics,
    }),
  ];
  const server = createApiServer({
    routes: [...routes, ...documentRoutes(routes, version)],
    authenticate: accounts.authenticate,
    logger: logger.named('api'),
    requestMetrics,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
  });
  const { address: host, port } = await server.listen(config.port, config.host);
  return {
    host,
    port,
    async stop(seconds) {
      draining = true;
      await server.drain(seconds * 1000);
      await closing.close();
    },
  };
}
