import { openEventStore } from '../../event-store.ts';
import type { EventStore } from '../../events/store/event-store.ts';
import { adoptIdentity } from '../../events/store/eventstoredb/adopt-identity.ts';
import { adoptLogId } from '../../events/store/postgres/import-events.ts';
import type { Tool } from '../command-line.ts';
import type { Installation } from '../installation.ts';
import type { WritableLog } from './log.ts';
import { postgresLog, storeLog } from './store-log.ts';

/** An event store, and its log as tools read and fill it. */
export interface OpenLog {
  store: EventStore;
  log: WritableLog;
}

export interface LogToOpen {
  /** In EventStoreDB; without it, the log is the one in the installation's PostgreSQL. */
  url: string | undefined;
  /** The identity that it takes over if there are no events in it. */
  adopt?: string;
  /** Appends at a time, when it is filled: see appendInOrder. */
  inFlight?: number;
}

export async function openLog(installation: Installation, tool: Tool, { url, adopt, inFlight }: LogToOpen): Promise<OpenLog> {
  const { pool, connectionString } = installation;
  const { logger, closing, signal } = tool;
  if (adopt !== undefined) await (url === undefined ? adoptLogId(pool, adopt) : adoptIdentity(url, adopt, (line) => logger.warn({}, line)));
  const store = await openEventStore({ eventStoreUrl: url, connectionString, pool, logger, signal });
  closing.add('event store', () => store.close());
  return { store, log: url === undefined ? postgresLog(store, pool) : storeLog(store, 'EventStoreDB', inFlight) };
}
