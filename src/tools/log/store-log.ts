import type pg from 'pg';
import { BEGINNING, type EventStore } from '../../events/store/event-store.ts';
import type { LogImport } from '../../events/store/eventstoredb/import-events.ts';
import { importEvents } from '../../events/store/postgres/import-events.ts';
import type { ReadableLog, WritableLog } from './log.ts';

const PAGE = 2_000;

/** The log in EventStoreDB. */
export function eventStoreDbLog(store: EventStore, log: LogImport): WritableLog {
  return { ...storeLog(store, 'EventStoreDB'), write: (events) => log.write(events) };
}

/** The log in PostgreSQL. */
export function postgresLog(store: EventStore, pool: pg.Pool): WritableLog {
  return { ...storeLog(store, 'PostgreSQL'), write: (events) => importEvents(pool, events) };
}

/** Read by the port, which every store has; the port is too slow to fill a log by, and keeps the order of a stream only. */
function storeLog(store: EventStore, name: string): ReadableLog {
  return {
    name,
    logId: store.logId,
    head: () => store.head(),
    async *pages() {
      for (let after = BEGINNING; ; ) {
        const page = await store.readAll({ after, limit: PAGE });
        if (page.length > 0) yield page;
        if (page.length < PAGE) return;
        after = page.at(-1)!.position;
      }
    },
  };
}
