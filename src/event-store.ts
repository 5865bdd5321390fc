import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { createKeySaver } from './events/keys/save-keys.ts';
import { type EventStore, type LogView, StoreRefused, StoreUnavailable } from './events/store/event-store.ts';
import type { ForeignEvent } from './events/store/eventstoredb/foreign-events.ts';
import { createKnownLogs } from './events/store/known-logs.ts';
import { createPostgresEventStore } from './events/store/postgres/postgres-event-store.ts';
import type { Logger } from './platform/logging.ts';

export interface EventStoreChoice {
  /** `esdb://…`; the PostgreSQL that everything else is in, when left out. */
  eventStoreUrl: string | undefined;
  connectionString: string;
  /** For what commands read and write beside the log. */
  pool: pg.Pool;
  /** For reading the log in its order. The same, when left out. */
  logPool?: pg.Pool;
  logger: Logger;
  /** Receives each event of another application that a reader came upon, once. */
  onForeign?: ((event: ForeignEvent) => void) | undefined;
  /** Asked after each outage of EventStoreDB, before anything else: whether the log is the right one. */
  isRightLog?: ((log: LogView) => Promise<boolean>) | undefined;
  /** Whether a log of another installation is opened too, by what is about to compare or adopt it. */
  isUnknownAllowed?: boolean | undefined;
  /** Gives up waiting for a store that is not there yet. */
  signal: AbortSignal;
}

const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * The event store of the configuration. Waits for one that is not there yet, with a line of log for each failed try.
 * @throws UnknownLog when the log is of another installation
 */
export async function openEventStore(choice: EventStoreChoice): Promise<EventStore> {
  const log = choice.logger.named('eventstore');
  for (let wait = SHORTEST_PAUSE_MS; ; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
    choice.signal.throwIfAborted();
    try {
      return await open(choice, (line) => log.warn({}, line));
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || error instanceof StoreRefused) throw error;
      log.error({}, `the event store cannot be reached; next try in ${wait} ms`);
    }
    await pause(wait, undefined, { signal: choice.signal }).catch(() => {});
  }
}

async function open(choice: EventStoreChoice, log: (line: string) => void): Promise<EventStore> {
  const { eventStoreUrl, connectionString, pool, logPool = pool, onForeign, isRightLog, isUnknownAllowed } = choice;
  if (eventStoreUrl === undefined) return createPostgresEventStore({ connectionString, pool, logPool, log });
  // Its client and what that brings are a fifth of all there is to load.
  const { createEventStoreDb } = await import('./events/store/eventstoredb/eventstoredb-event-store.ts');
  const { serviceNames: names } = await import('./events/store/eventstoredb/names.ts');
  const asked = {
    ...(onForeign && { onForeign }),
    ...(isRightLog && { isRightLog }),
    ...(!isUnknownAllowed && { known: createKnownLogs(pool) }),
  };
  return createEventStoreDb({ url: eventStoreUrl, saveKeys: createKeySaver(pool), log, names, ...asked });
}
