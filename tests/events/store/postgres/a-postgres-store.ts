import pg from 'pg';
import type { EventStore } from '../../../../src/events/store/event-store.ts';
import { createPostgresEventStore, type PostgresEventStoreOptions } from '../../../../src/events/store/postgres/postgres-event-store.ts';
import { makeEventLog } from '../../../contract/open-postgres.ts';
import { createTestDatabase } from '../../../support/postgres.ts';

export interface PostgresStore {
  readonly connectionString: string;
  /** A further instance on the same database. */
  open(options?: Partial<PostgresEventStoreOptions>): Promise<EventStore>;
  /** A bare connection to the same database. */
  connect(): Promise<pg.Client>;
  /** Closes all that was opened, and drops the database. */
  close(): Promise<void>;
}

/** An event log in a database of its own. */
export async function aPostgresStore(): Promise<PostgresStore> {
  const { connectionString, drop } = await createTestDatabase();
  await makeEventLog(connectionString);
  const closing: (() => Promise<void>)[] = [];
  return {
    connectionString,
    async open(options = {}) {
      const store = await createPostgresEventStore({ connectionString, log: () => {}, ...options });
      closing.push(() => store.close());
      return store;
    },
    async connect() {
      const client = new pg.Client({ connectionString });
      client.on('error', () => {});
      await client.connect();
      closing.push(() => client.end());
      return client;
    },
    async close() {
      // Bare connections may hold locks that the stores wait for: they go first.
      for (const close of closing.reverse()) await close();
      await drop();
    },
  };
}
