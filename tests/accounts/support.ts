import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { AccountCall } from '../../src/accounts/account-call.ts';
import { type Accounts, type AccountsOptions, createAccounts } from '../../src/accounts/accounts.ts';
import type { SessionCaller } from '../../src/accounts/caller.ts';
import { type Database, databaseOn } from '../../src/accounts/database.ts';
import { accountMigrations } from '../../src/accounts/schema.ts';
import type { EventStore } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { eventLogMigrations } from '../../src/events/store/postgres/schema.ts';
import type { Logger } from '../../src/platform/logging.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { textMigrations } from '../../src/platform/text/schema.ts';
import type { Rejection } from '../../src/rejection.ts';
import { createTestDatabase } from '../support/postgres.ts';

export const secretKey = 'a secret of more than thirty-two characters';
export const password = 'Correct horse 1';

export interface Line {
  level: string;
  message: string;
  facts: Record<string, unknown>;
}

/** A log that tells what was written to it. */
export function keptLog(): Logger & { lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (facts: object, message: string) => void lines.push({ level, message, facts: facts as Line['facts'] });
  const log = { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), once: at('once'), named: () => log };
  return log;
}

/** A database with the tables of accounts and of the event log, and what runs on it; all of it goes with `close`. */
export interface World {
  pool: pg.Pool;
  database: Database;
  connectionString: string;
  store: EventStore;
  /** One more instance of the service's accounts. */
  instance(options?: Partial<AccountsOptions>): Promise<Accounts>;
  close(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const { connectionString, drop } = await createTestDatabase();
  const pool = createPool(connectionString, { max: 10, applicationName: 'tests', onError: () => {} });
  await migrate(pool, [
    { part: 'event log', migrations: eventLogMigrations },
    { part: 'texts', migrations: textMigrations },
    { part: 'accounts', migrations: accountMigrations },
  ]);
  const store = await createPostgresEventStore({ connectionString, pool, log: () => {} });
  const instances: Accounts[] = [];
  return {
    pool,
    database: databaseOn(pool),
    connectionString,
    store,
    async instance(options = {}) {
      const accounts = await createAccounts({ pool, connectionString, store, secretKey, config: config(), log: keptLog(), ...options });
      instances.push(accounts);
      return accounts;
    },
    async close() {
      await Promise.all(instances.map((accounts) => accounts.close()));
      await store.close();
      await pool.end();
      await drop();
    },
  };
}

export function config(changes: Partial<AccountsOptions['config']> = {}): AccountsOptions['config'] {
  return {
    registration: 'open',
    accessTokenMinutes: 30,
    refreshTokenDays: 7,
    sessionMaxDays: 90,
    firstAdmin: { password: 'Only for tests 1' },
    ...changes,
  };
}

export function call(): AccountCall {
  return { requestId: `request-${randomUUID()}`, operationId: randomUUID(), ip: '192.0.2.1', userAgent: 'tests' };
}

/** Somebody new, with a name that nobody else has. */
export function somebody() {
  const username = `person-${randomUUID().slice(0, 13)}`;
  return { email: `${username}@example.com`, username, password, fullName: 'Some Body' };
}

/** Whom a session is of. */
export async function callerOf(accounts: Accounts, signedIn: { accessToken: string }): Promise<SessionCaller> {
  const caller = await accounts.authenticate(bearer(signedIn));
  if (caller.token) throw new Error('This is a token');
  return caller;
}

export function bearer(signedIn: { accessToken: string }): string {
  return `Bearer ${signedIn.accessToken}`;
}

/** The code with which a promise is refused; its value, as text, when it is not. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `not refused: ${JSON.stringify(value)}`,
    (error: Rejection) => error.code ?? String(error),
  );
}

/** Waits for what must become true, and fails with its last answer when it does not in time. */
export async function eventually<T>(look: () => Promise<T> | T, isSo: (found: T) => boolean, within = 5_000): Promise<T> {
  const deadline = performance.now() + within;
  for (;;) {
    const found = await look();
    if (isSo(found)) return found;
    if (performance.now() > deadline) throw new Error(`Not so after ${within} ms; it is ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
