import type pg from 'pg';
import type { CommandCall } from '../../src/commands/command-call.ts';
import type { CommandParts } from '../../src/commands/handle-command.ts';
import { createKeyedQueue } from '../../src/commands/keyed-queue.ts';
import { createTaskStreams } from '../../src/commands/task-streams.ts';
import { deriveKey } from '../../src/events/keys/data-key.ts';
import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import type { EventStore } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { eventLogMigrations } from '../../src/events/store/postgres/schema.ts';
import { createVocabularyGate } from '../../src/events/vocabulary-gate.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { admin, owner } from './happenings.ts';
import { createTestDatabase } from './postgres.ts';

export interface Instance {
  parts: CommandParts;
  store: EventStore;
  pool: pg.Pool;
  lostRaces: () => number;
  close(): Promise<void>;
}

/** The write side on a database of its own, as one or more instances of the service have it. */
export async function openWriteSide(): Promise<{ connectionString: string; instance(): Promise<Instance>; close(): Promise<void> }> {
  const database = await createTestDatabase();
  const { connectionString } = database;
  const pool = createPool(connectionString, { max: 2, applicationName: 'tests', onError: () => {} });
  await migrate(pool, [{ part: 'event_log', migrations: eventLogMigrations }]);
  await pool.end();
  const open: Instance[] = [];
  return {
    connectionString,
    async instance() {
      const instance = await openInstance(connectionString);
      open.push(instance);
      return instance;
    },
    async close() {
      for (const instance of open) await instance.close();
      await database.drop();
    },
  };
}

async function openInstance(connectionString: string): Promise<Instance> {
  const pool = createPool(connectionString, { max: 4, applicationName: 'tests', onError: () => {} });
  const store = await createPostgresEventStore({ connectionString, log: () => {} });
  const vault = createKeyVault(pool, 'a master key for tests, long enough');
  let lost = 0;
  const parts: CommandParts = {
    store,
    vault,
    streams: createTaskStreams(store, vault),
    queue: createKeyedQueue(),
    secret: deriveKey('a secret key for tests, long enough', 'idempotency'),
    isClockAhead: () => false,
    vocabulary: createVocabularyGate(pool),
    onLostRace: () => void lost++,
  };
  return {
    parts,
    store,
    pool,
    lostRaces: () => lost,
    async close() {
      await store.close();
      await pool.end();
    },
  };
}

let calls = 0;

/** A call by somebody, the owner unless said otherwise. */
export function call(more: Partial<CommandCall> = {}, by = owner): CommandCall {
  const n = (++calls).toString(16).padStart(12, '0');
  return {
    actor: { id: by, isAdmin: by === admin, kind: 'user' },
    operationId: `00000000-0000-4000-8000-${n}`,
    requestId: `request-${n}`,
    at: new Date().toISOString(),
    ...more,
  };
}
