import type { EventStore } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { eventLogMigrations } from '../../src/events/store/postgres/schema.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';

/** An instance of the PostgreSQL store on a database that has its schema. */
export function openStore(connectionString: string): Promise<EventStore> {
  return createPostgresEventStore({ connectionString, log: () => {} });
}

/** Makes the event log in an empty database; its first event gets this position. */
export async function makeEventLog(connectionString: string, firstPosition = 1n): Promise<void> {
  const pool = createPool(connectionString, { max: 1, applicationName: 'tests', onError: () => {} });
  await migrate(pool, [{ part: 'event_log', migrations: eventLogMigrations }]);
  await pool.query('update event_log.log set first_position = $1', [firstPosition]);
  await pool.end();
}
