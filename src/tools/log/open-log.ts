import { openEventStore } from '../../event-store.ts';
import type { EventStore } from '../../events/store/event-store.ts';
import { adoptIdentity } from '../../events/store/eventstoredb/adopt-identity.ts';
import type { ForeignEvent } from '../../events/store/eventstoredb/foreign-events.ts';
import { LogImport } from '../../events/store/eventstoredb/import-events.ts';
import { serviceNames } from '../../events/store/eventstoredb/names.ts';
import { createKnownLogs } from '../../events/store/known-logs.ts';
import { adoptLogId } from '../../events/store/postgres/import-events.ts';
import type { Tool } from '../command-line.ts';
import type { Installation } from '../installation.ts';
import type { WritableLog } from './log.ts';
import { eventStoreDbLog, postgresLog } from './store-log.ts';

/** An event store, and its log as tools read and fill it. */
export interface OpenLog {
  store: EventStore;
  log: WritableLog;
}

export interface LogToOpen {
  /** In EventStoreDB; without it, the log is the one in the installation's PostgreSQL. */
  url: string | undefined;
  /** The identity that it takes over if there are no events in it, and which this installation knows from then on. */
  adopt?: string;
  /** Whether a log that another installation began is opened too; one that is to adopt an identity is in any case. */
  isUnknownAllowed?: boolean;
  /** Receives each event of another application in EventStoreDB, once. */
  onForeign?: (event: ForeignEvent) => void;
  /** Appends on their way at once, when EventStoreDB is filled. */
  inFlight?: number | undefined;
}

export async function openLog(installation: Installation, tool: Tool, { url, adopt, inFlight, ...asked }: LogToOpen): Promise<OpenLog> {
  const { pool, connectionString } = installation;
  const { logger, closing, signal } = tool;
  const warn = (line: string) => logger.warn({}, line);
  if (adopt !== undefined) {
    await createKnownLogs(pool).remember(adopt);
    await (url === undefined ? adoptLogId(pool, adopt) : adoptIdentity(url, adopt, warn));
  }
  const store = await openEventStore({
    eventStoreUrl: url,
    connectionString,
    pool,
    logger,
    signal,
    isUnknownAllowed: adopt !== undefined,
    ...asked,
  });
  closing.add('event store', () => store.close());
  if (url === undefined) return { store, log: postgresLog(store, pool) };
  const filling = new LogImport({ url, log: warn, names: serviceNames, ...(inFlight && { inFlight }) });
  closing.add('import', () => filling.close());
  return { store, log: eventStoreDbLog(store, filling) };
}
