import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Route } from '../../src/api/route.ts';
import { loadConfig } from '../../src/config.ts';
import { BEGINNING, type EventStore, type StoredEvent } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { createLog } from '../../src/platform/logging.ts';
import { type Service, startService } from '../../src/service.ts';
import { watchResponses } from './documented.ts';
import { startEventStored } from './eventstored.ts';
import { createTestDatabase } from './postgres.ts';

/** The API suites run a second time with the events in EventStoreDB. */
const onEventStoreDb = process.env.TEST_STORE === 'eventstoredb';

export const adminAccount = { email: 'admin@tasks.test', username: 'admin', password: 'Adm1nistrator' };

export interface TestService {
  url: string;
  /** Everything that it serves. */
  routes: readonly Route[];
  /** Somebody who has signed in elsewhere, here. */
  as(client: Client): Client;
  /** Of the database that it works on. */
  connectionString: string;
  /** What another instance is given to work on the same stores. */
  sameStores: Record<string, string>;
  /** What the service has logged. */
  log: string[];
  /** The bytes of all events, as text. */
  storedText(): Promise<string>;
  /** Somebody new, signed in. */
  someone(name: string): Promise<Client>;
  admin(): Promise<Client>;
  /** As if the mail to the client's address had been read. */
  verifyAddress(client: Client): Promise<void>;
  anonymous: Client;
  stop(): Promise<void>;
}

/** Keys that all instances of a test share, as all instances of an installation must. */
export const keys = Object.fromEntries(
  ['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY'].map((name) => [name, `${name} of the tests, long enough`]),
);

/** What tests do in a minute is more than people may. */
export const withoutRateLimits = { RATE_LIMIT_PER_MINUTE: '0', RATE_LIMIT_USER_PER_MINUTE: '0', RATE_LIMIT_LOGIN_PER_MINUTE: '0' };

/** The whole service in this process, listening on a free port: on a database of its own, or on the one whose address it is given. */
export async function startTestService(environment: Record<string, string> = {}): Promise<TestService> {
  const database = environment.DATABASE_URL
    ? { connectionString: environment.DATABASE_URL, drop: async () => {} }
    : await createTestDatabase();
  const eventStored = environment.DATABASE_URL === undefined && onEventStoreDb ? await startEventStored() : null;
  const sameStores = { DATABASE_URL: database.connectionString, ...(eventStored && { EVENTSTORE_URL: eventStored.url() }) };
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-test-'));
  const lines: string[] = [];
  const config = loadConfig({
    ...keys,
    ENVIRONMENT: 'test',
    DATABASE_POOL_MAX: '5',
    ...withoutRateLimits,
    PORT: '0',
    DATA_DIR: directory,
    ...sameStores,
    ADMIN_EMAIL: adminAccount.email,
    ADMIN_USERNAME: adminAccount.username,
    ADMIN_PASSWORD: adminAccount.password,
    ...environment,
  });
  const log = createLog({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) });
  const service: Service = await startService(config, log, new AbortController().signal);
  const url = `http://127.0.0.1:${service.port}`;
  const endWatch = watchResponses(service.port, service.routes);
  const anonymous = createClient(url);
  return {
    url,
    routes: service.routes,
    connectionString: database.connectionString,
    sameStores,
    log: lines,
    storedText: () => storedText(sameStores),
    anonymous,
    as: (client) => ({ ...createClient(url, client.token), id: client.id, username: client.username }),
    async someone(name) {
      const body = { email: `${name}@tasks.test`, username: name, password: 'Passw0rd-of-mine', full_name: `${name} Example` };
      return signedIn(url, await anonymous.post('/auth/register', body));
    },
    admin: async () =>
      signedIn(url, await anonymous.post('/auth/login', { username: adminAccount.username, password: adminAccount.password })),
    verifyAddress: ({ id }) => verifyAddress(database.connectionString, id),
    async stop() {
      await service.stop(2);
      await eventStored?.stop();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
      const undocumented = endWatch();
      if (undocumented.length > 0) throw new Error(`The OpenAPI document does not say:\n${undocumented.join('\n')}`);
    },
  };
}

async function verifyAddress(connectionString: string, userId: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query('update accounts.users set email_verified = true where id = $1', [userId]).finally(() => client.end());
}

async function storedText(stores: Record<string, string>): Promise<string> {
  const events = await readLog(stores);
  return events.map(({ metadata, data }) => `${metadata}${data}`).join('');
}

/** The whole log of a service, read beside it. */
export async function readLog({ DATABASE_URL, EVENTSTORE_URL }: Record<string, string>): Promise<StoredEvent[]> {
  const store = await (EVENTSTORE_URL
    ? eventStoreDb(EVENTSTORE_URL)
    : createPostgresEventStore({ connectionString: DATABASE_URL!, log: () => {} }));
  return store.readAll({ after: BEGINNING, limit: 100_000 }).finally(() => store.close());
}

async function eventStoreDb(url: string): Promise<EventStore> {
  const { createEventStoreDb } = await import('../../src/events/store/eventstoredb/eventstoredb-event-store.ts');
  return createEventStoreDb({ url, saveKeys: async () => {}, log: () => {} });
}

export interface Reply {
  status: number;
  headers: Headers;
  // The bodies of tests are looked into freely.
  // biome-ignore lint/suspicious/noExplicitAny: an answer may be anything
  body: any;
  text: string;
}

type Send = (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;

/** Somebody who calls the API. Paths are below /api/v1. */
export interface Client {
  id: string;
  username: string;
  token: string;
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  post: Send;
  put: Send;
  patch: Send;
  delete: Send;
  /** As it is, below nothing. */
  send(method: string, path: string, init?: { body?: string; headers?: Record<string, string> }): Promise<Reply>;
}

function signedIn(url: string, reply: Reply): Client {
  if (reply.status >= 300) throw new Error(`Could not sign in: ${reply.status} ${reply.text}`);
  const { access_token, user } = reply.body;
  return { ...createClient(url, access_token), id: user.id, username: user.username };
}

export function createClient(url: string, token = ''): Client {
  const send: Client['send'] = async (method, path, { body, headers = {} } = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body }),
      redirect: 'manual',
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  };
  const withBody =
    (method: string): Send =>
    (path, body, headers) =>
      send(method, `/api/v1${path}`, { ...(body !== undefined && { body: JSON.stringify(body) }), ...(headers && { headers }) });
  return {
    id: '',
    username: '',
    token,
    send,
    get: (path, headers) => send('GET', `/api/v1${path}`, headers ? { headers } : {}),
    post: withBody('POST'),
    put: withBody('PUT'),
    patch: withBody('PATCH'),
    delete: withBody('DELETE'),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
