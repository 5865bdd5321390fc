import type pg from 'pg';
import type { Check } from './api/health.ts';
import type { Readiness } from './api/routes/ops.ts';
import type { EventStore } from './events/store/event-store.ts';

/** What the service reports of itself until it serves. */
export interface StartWatch {
  checks: Readonly<Record<string, Check>>;
  readiness(): Readiness;
  /** PostgreSQL was reached, and has its tables. @param pool its connections */
  databaseOpened(pool: pg.Pool): void;
  eventStoreOpened(store: Pick<EventStore, 'head'>): void;
}

/** Each part reports for itself: what has been reached is asked, and what has not is named as what the start waits for. */
export function watchStart(): StartWatch {
  let database: pg.Pool | undefined;
  let eventStore: Pick<EventStore, 'head'> | undefined;
  const waiting = { status: 'unhealthy', error: 'the start waits for it, or has not come to it yet' } as const;
  const missing = () => (!database ? 'PostgreSQL' : !eventStore ? 'the event store' : 'the read models');
  return {
    checks: {
      async eventstore() {
        return eventStore ? { status: 'healthy', head: (await eventStore.head()).toString() } : waiting;
      },
      async postgres() {
        if (!database) return waiting;
        await database.query('select 1');
        return { status: 'healthy' };
      },
      projector: () => waiting,
    },
    readiness: () => ({ ready: false, reason: `starting: waiting for ${missing()}` }),
    databaseOpened(pool) {
      database = pool;
    },
    eventStoreOpened(store) {
      eventStore = store;
    },
  };
}
