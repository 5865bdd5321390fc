import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { EventStore } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import type { Harness, ServerHarness } from './harness.ts';
import { makeEventLog, openStore } from './open-postgres.ts';

export async function postgresHarness(): Promise<Harness> {
  const stores: EventStore[] = [];
  const databases: TestDatabase[] = [];
  const database = async (firstPosition?: bigint) => {
    const made = await createTestDatabase();
    databases.push(made);
    await makeEventLog(made.connectionString, firstPosition);
    return made.connectionString;
  };
  const open = async (connectionString: string) => {
    const store = await openStore(connectionString);
    stores.push(store);
    return store;
  };
  const connectionString = await database();
  return {
    open: () => open(connectionString),
    opener: { module: join(import.meta.dirname, 'open-postgres.ts'), argument: connectionString },
    startServer,
    openAt: async (firstPosition) => open(await database(firstPosition)),
    async close() {
      for (const store of stores) await store.close();
      for (const made of databases) await made.drop();
    },
  };
}

/** What is killed here is only processes, so nothing need reach the disk. */
async function startServer(): Promise<ServerHarness> {
  const directory = await mkdtemp(join(await realpath(tmpdir()), 'tasktrail-contract-'));
  const server = await startEmbeddedPostgres({ directory, settings: { fsync: 'off', full_page_writes: 'off' }, log: () => {} });
  await makeEventLog(server.connectionString);
  const stores: EventStore[] = [];
  return {
    address: { path: `${decodeURIComponent(new URL(server.connectionString).hostname)}/.s.PGSQL.5432` },
    async open(via) {
      const url = new URL(server.connectionString);
      if (via) url.host = `${via.host}:${via.port}`;
      const store = await createPostgresEventStore({ connectionString: url.href, log: () => {}, answerWithin: 1_000, patience: 1_500 });
      stores.push(store);
      return store;
    },
    kill: async (what) => void process.kill(what === 'server' ? server.pid : await appendingBackend(server.connectionString), 'SIGKILL'),
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await server.stop();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The process on the server's side that appends, just now, for one of the stores. */
async function appendingBackend(connectionString: string): Promise<number> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query<{ pid: number }>(
    "select pid from pg_stat_activity where application_name = 'tasktrail append' order by state_change desc limit 1",
  );
  await client.end();
  return rows[0]!.pid;
}
