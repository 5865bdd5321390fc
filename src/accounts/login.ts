import type { Logger } from '../platform/logging.ts';
import { Rejection } from '../rejection.ts';
import type { AccountCall } from './account-call.ts';
import type { Database } from './database.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { SecurityLog } from './security-log.ts';
import type { OpenSession, Sessions } from './sessions.ts';
import { type User, userColumns } from './user.ts';

/** Who somebody says they are, and the proof. */
export type Credentials = { password: string } & ({ email: string } | { username: string });

export interface LoginParts {
  database: Database;
  hasher: Pick<PasswordHasher, 'hash' | 'verify'>;
  sessions: Sessions;
  security: Pick<SecurityLog, 'record'>;
  log: Logger;
  /** A digest of no one's password, which a password for an unknown account is held against: it takes as long. */
  decoy: string;
}

type Found = User & { passwordHash: string };

/** Opens a session. @throws Rejection INVALID_CREDENTIALS, ACCOUNT_DISABLED, OVERLOADED */
export async function login(parts: LoginParts, credentials: Credentials, call: AccountCall): Promise<{ user: User; session: OpenSession }> {
  const found = await findAccount(parts.database, credentials);
  const { matches, isOutdated } = await parts.hasher.verify(found?.passwordHash ?? parts.decoy, credentials.password, call.ip);
  const refused = (rejection: Rejection) => {
    const { ip, requestId } = call;
    parts.security.record({ kind: 'login_failed', userId: found?.id ?? null, ip, requestId, code: rejection.code });
    return rejection;
  };
  if (!found || !matches) throw refused(invalid());
  const { passwordHash, ...user } = found;
  if (!user.isActive) throw refused(new Rejection('ACCOUNT_DISABLED', 'This account is disabled'));
  const current = isOutdated ? await renewHash(parts, { ...user, passwordHash }, credentials.password, call.ip) : passwordHash;
  const session = await parts.sessions.open(parts.database, { userId: user.id, passwordHash: current }, call);
  // The password was changed, or the account disabled, while this one was being checked.
  if (!session) throw refused(invalid());
  return { user, session };
}

function invalid(): Rejection {
  return new Rejection('INVALID_CREDENTIALS', 'The account is unknown or the password is wrong');
}

async function findAccount(database: Database, credentials: Credentials): Promise<Found | undefined> {
  const [by, name] =
    'email' in credentials ? ['lower(users.email) = lower($1)', credentials.email] : ['users.username = lower($1)', credentials.username];
  const rows = await database.rows<Found>(`select ${userColumns}, users.password_hash as "passwordHash" from accounts.users where ${by}`, [
    name,
  ]);
  return rows[0];
}

/** Hashes the password with today's parameters. A login does not fail by it. @returns the digest that is in force now */
async function renewHash(
  { database, hasher, log }: LoginParts,
  { id: userId, passwordHash: before }: Pick<Found, 'id' | 'passwordHash'>,
  password: string,
  ip: string,
): Promise<string> {
  try {
    const renewed = await hasher.hash(password, ip);
    const update = 'update accounts.users set password_hash = $3 where id = $1 and password_hash = $2 returning id';
    if ((await database.rows(update, [userId, before, renewed])).length > 0) return renewed;
    // Another login of theirs was first, or the password is another one now.
    const [now] = await database.rows<{ hash: string }>('select password_hash as hash from accounts.users where id = $1', [userId]);
    return now?.hash && (await hasher.verify(now.hash, password, ip)).matches ? now.hash : before;
  } catch (error) {
    log.warn({ error, user_id: userId }, 'a password could not be hashed anew; that is left to the next login');
    return before;
  }
}
