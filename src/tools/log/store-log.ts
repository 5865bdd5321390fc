import type pg from 'pg';
import { BEGINNING, type EventStore } from '../../events/store/event-store.ts';
import { importEvents } from '../../events/store/postgres/import-events.ts';
import { appendInOrder } from './append-in-order.ts';
import type { WritableLog } from './log.ts';

const PAGE = 2_000;

/**
 * The log of an event store, as tools read and fill it: by the port, which every store has.
 * @param inFlight see appendInOrder
 */
export function storeLog(store: EventStore, name: string, inFlight = 1): WritableLog {
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
    write: (events) => appendInOrder(store, events, inFlight),
  };
}

/** The log in PostgreSQL, filled past the port. */
export function postgresLog(store: EventStore, pool: pg.Pool): WritableLog {
  return { ...storeLog(store, 'PostgreSQL'), write: (events) => importEvents(pool, events) };
}
