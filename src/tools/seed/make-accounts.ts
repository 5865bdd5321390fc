import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { type Accounts, createAccounts } from '../../accounts/accounts.ts';
import { Password } from '../../accounts/credentials.ts';
import type { EventStore } from '../../events/store/event-store.ts';
import { keysFor } from '../../platform/generated-keys.ts';
import type { Tool } from '../command-line.ts';
import type { Installation } from '../installation.ts';
import { type PersonName, people } from './people.ts';

/** Somebody who can log in now. */
export interface Member {
  username: string;
  email: string;
  password: string;
}

export interface Members {
  /** The ids of their accounts. */
  ids: Record<PersonName, string>;
  /** Everybody whose password was chosen here: the demo's people, and the first admin where there was none yet. */
  logins: Member[];
}

const MINUTE = 60_000;
const RECORDED_WITHIN_MS = 10_000;

/**
 * Registers the demo's people, a few minutes apart, and sees their events into the log.
 * @param from when, in milliseconds since 1970 @param password of all of them; a random one each when left out
 * @throws Error when there are such people already
 */
export async function makeAccounts(
  { pool, connectionString, config }: Installation,
  store: EventStore,
  { tool, from, password }: { tool: Tool; from: number; password: string | undefined },
): Promise<Members> {
  await requireNew(pool);
  const isFirstStart = (await pool.query('select from accounts.first_start')).rowCount === 0;
  const admin = { username: 'admin', email: 'admin@kestrel.example', ...withoutUndefined(config.admin) };
  const adminPassword = config.admin.password ?? password ?? newPassword();
  let at = from;
  const accounts = await createAccounts({
    pool,
    connectionString,
    store,
    secretKey: (await keysFor(config.dataDir, config.keys)).secret,
    log: tool.logger,
    clock: () => new Date(at),
    config: {
      registration: 'open',
      accessTokenMinutes: config.accessTokenMinutes,
      refreshTokenDays: config.refreshTokenDays,
      sessionMaxDays: config.sessionMaxDays,
      firstAdmin: { ...admin, password: adminPassword },
    },
  });
  tool.closing.add('accounts', () => accounts.close());
  const ids: Partial<Record<PersonName, string>> = {};
  const logins: Member[] = isFirstStart && config.admin.password === undefined ? [{ ...admin, password: adminPassword }] : [];
  for (const { name, email, fullName } of people) {
    at += 7 * MINUTE;
    const login = { username: name, email, password: password ?? newPassword() };
    const call = { requestId: randomUUID(), operationId: randomUUID(), ip: '127.0.0.1', userAgent: 'npm run seed' };
    ids[name] = (await accounts.register({ ...login, fullName }, call)).user.id;
    await recorded(accounts);
    logins.push(login);
  }
  return { ids: ids as Record<PersonName, string>, logins };
}

/** One account after the other, so that the log has them in the order of their times. */
async function recorded(accounts: Accounts): Promise<void> {
  for (const deadline = Date.now() + RECORDED_WITHIN_MS; (await accounts.backlog()).waiting > 0; await pause(20))
    if (Date.now() > deadline) throw new Error('An account was made, but its event could not be written to the log');
}

async function requireNew(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ username: string }>(
    'select username from accounts.users where username = any($1) or lower(email) = any($2) order by username',
    [people.map(({ name }) => name), people.map(({ email }) => email)],
  );
  if (rows.length === 0) return;
  const names = rows.map(({ username }) => username).join(', ');
  throw new Error(`The people of the demo are here already (${names}): seed an empty DATA_DIR or database`);
}

function newPassword(): string {
  for (;;) {
    const password = randomBytes(12).toString('base64url');
    if (Password.safeParse(password).success) return password;
  }
}

function withoutUndefined<T extends object>(given: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: NonNullable<T[K]> };
}
