import { nameOfSecretKey } from './accounts/secret-key.ts';
import { createKeyedQueue } from './commands/keyed-queue.ts';
import { createTaskStreams } from './commands/task-streams.ts';
import { createTasks } from './commands/tasks.ts';
import { traced as tracedTasks } from './commands/traced-tasks.ts';
import type { Composition } from './composition.ts';
import type { Database } from './database.ts';
import { openEventStore } from './event-store.ts';
import { deriveKey } from './events/keys/data-key.ts';
import { createKeyVault } from './events/keys/key-vault.ts';
import { guardLog, type LogGuard } from './events/store/log-guard.ts';
import { observed } from './events/store/observed-store.ts';
import { traced as tracedStore } from './events/store/traced-store.ts';
import { VOCABULARY } from './events/vocabulary.ts';
import { createVocabularyGate, requireKnownVocabulary } from './events/vocabulary-gate.ts';
import type { measure } from './observation.ts';
import { watchClock } from './platform/postgres/clock-watch.ts';
import { occupy } from './platform/postgres/occupancy.ts';
import { allProjections } from './projections/all-projections.ts';
import { findMismatch } from './projections/read-models.ts';
import { watchIncidents } from './watch-incidents.ts';

/** Opens the log and what commands on it need, with what watches both. @throws what refuses the start */
export async function openWriteSide(
  { config, logger, closing, signal, keys, tracing }: Composition,
  database: Database,
  watch: ReturnType<typeof measure>,
) {
  const { connectionString, pools } = database;
  const keysLog = logger.named('keys');
  const occupancy = await occupy(connectionString, {
    vocabulary: VOCABULARY,
    agreement: {
      name: 'SECRET_KEY',
      digest: nameOfSecretKey(keys.secret),
    },
    log: (line) => logger.error({}, line),
    onLost: database.reportLoss,
  });
  closing.add('occupancy', () => occupancy.release());
  await requireKnownVocabulary(pools.commands);
  const clock = await watchClock(pools.commands, (ahead) =>
    logger.error({ ahead_ms: Math.round(ahead) }, 'the clock of this machine is ahead: commands are refused'),
  );
  closing.add('clock watch', () => clock.close());
  const { eventStoreUrl } = config;
  /** What is remembered of the log, to be forgotten with it. */
  const remembered: (() => void)[] = [];
  let opened: LogGuard | undefined;
  const guard = guardLog({
    store: await openEventStore({
      ...{ eventStoreUrl, connectionString, pool: pools.commands, logPool: pools.background, logger, signal },
      isRightLog: async (view) => ((await opened?.check(view)) ?? null) === null,
    }),
    findMismatch: (view) => findMismatch(pools.background, allProjections, view),
    onReplaced() {
      for (const forget of remembered) forget();
    },
    log: logger.named('eventstore'),
  });
  opened = guard;
  closing.add('log guard', () => guard.close());
  const watched = observed(guard.store, watch.appends);
  const store = tracing ? tracedStore(watched, tracing) : watched;
  closing.add('event store', () => store.close());
  const vault = createKeyVault(pools.commands, keys, {
    onUnreadable: (data_key, subject) =>
      keysLog.error({ data_key, subject }, 'a data key does not open: its text is not shown, and its task is 503'),
  });
  watch.keys(vault);
  const streams = createTaskStreams(store, vault);
  remembered.push(() => streams.forget());
  const incidents = watchIncidents(store, streams, logger.named('eventstore'));
  closing.add('incident watch', () => incidents.close());
  const tasks = createTasks({
    store,
    vault,
    streams,
    queue: createKeyedQueue(),
    secret: deriveKey(keys.secret, 'idempotency'),
    isClockAhead: clock.isAhead,
    vocabulary: createVocabularyGate(pools.commands),
    onLostRace: watch.lostRace,
  });
  return { store, guard, remembered, vault, incidents, tasks: tracing ? tracedTasks(tasks, tracing) : tasks };
}
