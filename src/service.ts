import { createTimeTravel } from './api/as-of.ts';
import { createFreshness } from './api/freshness.ts';
import { requestMetrics as countRequests } from './api/request-metrics.ts';
import type { Route } from './api/route.ts';
import type { Readiness } from './api/routes/ops.ts';
import { refusalWatch } from './api/routes/security-events.ts';
import { type ApiServer, createApiServer } from './api/server.ts';
import { createTaskReads } from './api/task-reads.ts';
import { runUndoJob, UndoJob, undoJob, undoJobLimits } from './api/undo-job.ts';
import { undoRuns } from './api/undo-runs.ts';
import type { Composition } from './composition.ts';
import type { Config } from './config.ts';
import { openDatabase } from './database.ts';
import { keepErasing, openErasure } from './erasure/open-erasure.ts';
import { refuseWrongMasterKey, requireMasterKey } from './events/keys/installation-seal.ts';
import { openMail } from './mail.ts';
import { healthOf, measure, tellVersion } from './observation.ts';
import { openAccounts, openRateLimits } from './open-accounts.ts';
import { openFiles } from './open-files.ts';
import { openJobs } from './open-jobs.ts';
import { openNotifications } from './open-notifications.ts';
import { openRecords } from './open-records.ts';
import { openSubscribers } from './open-subscribers.ts';
import { openWebhooks } from './open-webhooks.ts';
import { openWriteSide } from './open-write-side.ts';
import { type Closing, createClosing } from './platform/closing.ts';
import { prepareDataDirectory } from './platform/data-directory.ts';
import { createExternalCall } from './platform/external.ts';
import { keysFor } from './platform/generated-keys.ts';
import type { Logger } from './platform/logging.ts';
import { createMetrics } from './platform/metrics.ts';
import { openTracing } from './platform/open-tracing.ts';
import { type DedicatedConnections, fitPools } from './platform/postgres/connection-budget.ts';
import { createExports } from './platform/postgres/exports.ts';
import { createFairReads } from './platform/postgres/fair-reads.ts';
import type { Tracing } from './platform/tracing.ts';
import { runningVersion } from './platform/version.ts';
import { allProjections } from './projections/all-projections.ts';
import { createMoments } from './projections/history/moments.ts';
import { startReadModels } from './projections/read-models.ts';
import { traceProjection } from './projections/traced-projection.ts';
import { createQueries, createRequestQueries } from './queries/queries.ts';
import { allRoutes, routesWhileStarting, taskServicesOf } from './routes.ts';
import { watchStart } from './start-watch.ts';

/** The service, serving. */
export interface Service {
  /** Where it listens. */
  port: number;
  host: string;
  /** Everything that it serves. */
  routes: readonly Route[];
  /** Finishes what is under way, for so many seconds at most, then closes every part. May be called again. */
  stop(seconds: number): Promise<void>;
}

/**
 * Composes the service from its parts and starts it. It listens at once; until a database that is not there yet has come, everything but
 * the questions of who runs it is answered with 503.
 * @throws what keeps it from starting; everything that was opened is closed again
 */
export async function startService(config: Config, logger: Logger, signal: AbortSignal): Promise<Service> {
  const closing = createClosing((name, error) => logger.error({ error }, `${name} could not be closed`));
  try {
    await prepareDataDirectory(config.dataDir);
    const keys = await keysFor(config.dataDir, config.keys);
    const tracing = await openTraces(config, logger, closing);
    return await compose({ config, logger, closing, signal, keys, tracing });
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function openTraces({ otlpEndpoint: endpoint }: Config, logger: Logger, closing: Closing): Promise<Tracing | undefined> {
  const { name: serviceName, version: serviceVersion } = runningVersion();
  const log = logger.named('traces');
  const tracing = await openTracing({ endpoint, serviceName, serviceVersion, log: (line) => log.warn({}, line) });
  if (tracing) closing.add('traces', () => tracing.close());
  return tracing;
}

async function compose(composition: Composition): Promise<Service> {
  const { config, logger, closing, signal, tracing, keys } = composition;
  const metrics = createMetrics();
  const requestMetrics = countRequests(metrics);
  const about = { ...runningVersion(), environment: config.environment, started_at: new Date().toISOString() };
  tellVersion(metrics, about);
  const starting = watchStart();
  const server = createApiServer({
    ...routesWhileStarting({ ...starting, about, metrics, requestMetrics, metricsToken: config.metricsToken }),
    logger: logger.named('api'),
    requestMetrics,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    tracing,
  });
  const { address: host, port } = await server.listen(config.port, config.host);
  closing.add('HTTP server', () => server.drain(0));

  const watch = measure(metrics);
  const database = await openDatabase(config, logger, closing, signal, (pool) => refuseWrongMasterKey(pool, keys));
  starting.databaseOpened(database.pools.accounts);
  await requireMasterKey(database.pool, keys);
  const write = await openWriteSide(composition, database, watch);
  starting.eventStoreOpened(write.store);
  const { connectionString, pools, pool } = database;
  // What follows the log reads many keys for the first time: it leaves the connections of commands alone.
  const behind = { ...write, vault: write.vault.loadingOn(pool) };
  await fitPools(pools, config.database.poolMax, dedicatedConnections(config), (message) => logger.named('postgres').error({}, message));
  const readModels = await startReadModels(allProjections, {
    connectionString,
    pool,
    logger,
    ...behind,
    onApplied(model, events, since) {
      watch.applied(model, events.length);
      if (tracing) traceProjection(tracing, model, events, since);
    },
  });
  closing.add('read models', () => readModels.stop());
  database.onLoss(() => readModels.progress.forget());
  watch.readModels(readModels, write.store);
  const freshness = createFreshness(readModels.progress, write.store, () => write.guard.problem() === null);
  write.remembered.push(readModels.progress.reset, freshness.reset);
  const mail = openMail({ config, at: { host, port }, pool, log: logger.named('mail'), onSettled: watch.mailSettled });
  closing.add('mails', () => mail.outbox.close());
  watch.mails(mail.outbox);
  const accounts = await openAccounts(composition, database, write.store, freshness, watch, mail);
  watch.database(pools);
  watch.accounts(accounts);

  const readiness = (): Readiness => {
    if (server.isDraining()) return { ready: false, reason: 'shutting down' };
    const problem = write.guard.problem();
    if (problem !== null) return { ready: false, reason: problem };
    return readModels.isCaughtUp() ? { ready: true, reason: null } : { ready: false, reason: 'the read models are catching up' };
  };
  // Each by itself: one that is being made for the first time keeps nobody from the others.
  const schemas = {
    listing: () => readModels.schema('listing'),
    activity: () => readModels.schema('activity'),
    history: () => readModels.schema('history'),
    feed: () => readModels.schema('feed'),
  };
  const queries = createQueries({ pool, schemas });
  const reads = createFairReads(pools.reads, pools.control);
  const queriesFor = createRequestQueries({ reads, exports: createExports(pools.exports, pools.control), schemas });
  const files = await openFiles({ ...composition, ...write, database, queries, listingSchema: schemas.listing });
  const records = await openRecords({ ...composition, pool, accounts });
  const erasure = await openErasure({
    ...write,
    accounts,
    queries,
    pool,
    record: records.erasures,
    models: allProjections.map(({ name }) => name),
    progress: readModels.progress,
    purgeFiles: files.upkeep.purge,
    wrote: (personId, { task, position, events }) => freshness.wrote(personId, task.id, position, events),
    log: logger.named('erasure'),
  });
  await erasure.repeat();
  const webhooks = openWebhooks({
    ...{ ...composition, ...behind, ...database, accounts, queries, metrics },
    progress: readModels.progress,
    feedSchema: () => readModels.schema('feed'),
  });
  const untilCurrent = (model: string) => async (signal: AbortSignal) =>
    readModels.progress.follow(model, await write.store.head(), signal);
  const jobs = await openJobs(composition, database, watch, (kinds) => {
    webhooks.defineJobs(kinds);
    erasure.doneBy(kinds);
    const runs = undoRuns(taskServicesOf({ tasks: write.tasks, freshness, accounts }));
    kinds.define(
      undoJob,
      UndoJob,
      runUndoJob({
        runs,
        queries,
        untilCurrent: untilCurrent('activity'),
        account: accounts.administration.read,
        isRevoked: accounts.isRevoked,
      }),
      undoJobLimits,
    );
  });
  const erasing = keepErasing(pool, erasure, logger.named('erasure'));
  closing.add('erasures', () => erasing.close());
  const { progress } = readModels;
  const notifications = openNotifications({ ...composition, ...behind, ...database, accounts, queries, progress, mail });
  const followed = { ...composition, ...behind, ...database, queries, queriesFor, reads, progress, metrics };
  const { events, heads, deadLetters, kafka } = await openSubscribers(followed, [notifications.subscriber, webhooks.subscriber]);
  watch.heads(heads);
  const checks = healthOf({
    ...write,
    missingRecords: records.missing,
    pools,
    readModels,
    storage: files.storage,
    heads,
    mail,
    webhooks,
    kafka,
  });
  const routes = allRoutes({
    ...write,
    publicUrl: config.publicUrl,
    accounts,
    erasure,
    queriesFor,
    readModels,
    freshness,
    files,
    timeTravel: createTimeTravel({
      momentsFor: (requester) => createMoments((statement) => reads.query(requester, statement), schemas.history),
      store: write.store,
      freshness,
    }),
    pool,
    jobs: { start: jobs.start, find: (id, requester) => jobs.find(id, (statement) => reads.query(requester, statement)) },
    tasksFor: createTaskReads({ ...write, reads }),
    external: config.externalUrl === undefined ? undefined : createExternalCall(config.externalUrl),
    mailAddresses: mail.addresses,
    inbox: notifications.inbox,
    webhooks,
    ops: { checks, readiness, about, metrics, requestMetrics, metricsToken: config.metricsToken },
    events,
    deadLetters,
    isDraining: server.isDraining,
  });
  mail.outbox.run();
  webhooks.run();
  const limits = await openRateLimits(composition, database);
  server.serve({ routes, authenticate: accounts.authenticate, limits, onRefused: refusalWatch(accounts.security) });
  return { host, port, routes, stop: (seconds) => stop(server, closing, seconds) };
}

/** Notifications and webhooks follow the log, and Kafka where it is configured. */
function dedicatedConnections({ kafka, eventStoreUrl }: Config): DedicatedConnections {
  return { readModels: allProjections.length, subscribers: kafka ? 3 : 2, hasLog: eventStoreUrl === undefined };
}

async function stop(server: ApiServer, closing: Closing, seconds: number): Promise<void> {
  await server.drain(seconds * 1000);
  await closing.close();
}
