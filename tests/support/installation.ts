import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openEventStore } from '../../src/event-store.ts';
import { createKeyVault, type KeyVault } from '../../src/events/keys/key-vault.ts';
import type { EventStore } from '../../src/events/store/event-store.ts';
import { createLog } from '../../src/platform/logging.ts';
import { type EventStored, startEventStored } from './eventstored.ts';
import { createTestDatabase } from './postgres.ts';
import { type Client, createClient } from './service.ts';
import { type ServiceProcess, startServiceProcess } from './service-process.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Stores, and the processes of the service that work on them. */
export interface Installation {
  /** A further process of the service. */
  start(): Promise<ServiceProcess>;
  /** The token of somebody who has signed in at an instance, and holds on all. */
  login(instance: ServiceProcess): Promise<string>;
  /** The log and the read side, past all processes and whatever is in between. */
  readonly store: EventStore;
  readonly vault: KeyVault;
  readonly pool: pg.Pool;
  /** Of EventStoreDB, where the log is in it. */
  readonly server: EventStored | undefined;
  /** What all processes reach EventStoreDB by. */
  readonly proxy: TcpProxy | undefined;
  /** Ends every process that was started, and what they worked on. */
  stop(): Promise<void>;
}

const MASTER_KEY = 'the master key of all instances of this test';
const admin = { username: 'admin', password: 'Adm1nistrator' };

/** An installation with its log where it is told; processes are to be started. EventStoreDB keeps it on the disk, flushed. */
export async function anInstallation(log: 'PostgreSQL' | 'EventStoreDB'): Promise<Installation> {
  const database = await createTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-installation-'));
  const server = log === 'EventStoreDB' ? await startEventStored({ durable: true }) : undefined;
  const proxy = server && (await startTcpProxy({ host: '127.0.0.1', port: server.port }));
  const { connectionString } = database;
  const pool = new pg.Pool({ connectionString, max: 3 });
  pool.on('error', () => {});
  const instances: ServiceProcess[] = [];
  let store: EventStore | undefined;
  return {
    pool,
    server,
    proxy,
    vault: createKeyVault(pool, MASTER_KEY),
    get store() {
      if (!store) throw new Error('the log is made by the first process');
      return store;
    },
    async start() {
      const instance = await startServiceProcess({
        DATA_DIR: directory,
        DATABASE_URL: connectionString,
        ...(server && proxy && { EVENTSTORE_URL: server.url(proxy.port) }),
        SECRET_KEY: 'the secret key of all instances of this test',
        SIGNING_KEY: 'the signing key of all instances of this test',
        MASTER_KEY,
        ADMIN_USERNAME: admin.username,
        ADMIN_PASSWORD: admin.password,
        ADMIN_EMAIL: 'admin@tasks.test',
      });
      instances.push(instance);
      const logger = createLog({ level: 'silent', format: 'json' }, { write() {} });
      const signal = AbortSignal.timeout(20_000);
      store ??= await openEventStore({ eventStoreUrl: server?.url(), connectionString, pool, logger, signal });
      return instance;
    },
    async login({ url }) {
      const reply = await createClient(url).post('/auth/login', admin);
      if (reply.status !== 200) throw new Error(`could not sign in: ${reply.status} ${reply.text}`);
      return reply.body.access_token;
    },
    async stop() {
      await Promise.all(instances.map((instance) => instance.end('SIGKILL')));
      await store?.close();
      await proxy?.close();
      await server?.stop();
      await pool.end();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Whoever calls with this token, at an instance. */
export function clientOf(instance: ServiceProcess, token: string): Client {
  return createClient(instance.url, token);
}
