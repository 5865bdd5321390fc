import type { Role } from '../events/values.ts';
import { Rejection } from '../rejection.ts';
import type { AccountCall } from './account-call.ts';
import { byAdmin } from './account-changes.ts';
import type { SessionCaller } from './caller.ts';
import { isGuessable } from './credentials.ts';
import type { Database, Sql } from './database.ts';
import { freeUsername, makeAccount, type NewAccount, requireFree } from './new-account.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { OpenSession, Sessions } from './sessions.ts';
import type { User } from './user.ts';

/** What somebody registers with, each valid by itself. */
export interface Registration {
  email: string;
  username?: string | undefined;
  password: string;
  fullName: string;
}

export interface RegistrationParts {
  database: Database;
  hasher: PasswordHasher;
  sessions: Sessions;
  clock: () => Date;
}

const MOST_LOST_RACES = 20;

/** Makes an account and its first session. @throws Rejection EMAIL_TAKEN, USERNAME_TAKEN, VALIDATION_FAILED, OVERLOADED */
export function register(
  parts: RegistrationParts,
  registration: Registration,
  call: AccountCall,
): Promise<{ user: User; session: OpenSession }> {
  return withFreeNames(parts, registration, call.ip, async (sql, account) => {
    const user = await makeAccount(sql, { ...account, role: 'user', via: 'self' }, call, parts.clock());
    const session = await parts.sessions.open(sql, { userId: user.id, passwordHash: account.passwordHash }, call);
    return { user, session: session! };
  });
}

/** Makes an account for somebody else, who is not signed in by it. @throws Rejection as `register` does */
export function registerOther(
  parts: Omit<RegistrationParts, 'sessions'>,
  { role, ...registration }: Registration & { role: Role },
  caller: SessionCaller,
  call: AccountCall,
): Promise<User> {
  return withFreeNames(parts, registration, caller.id, (sql, account) =>
    makeAccount(sql, { ...account, role, via: 'admin' }, call, parts.clock(), byAdmin(caller)),
  );
}

type Named = Pick<NewAccount, 'email' | 'username' | 'fullName' | 'passwordHash'>;

/** Runs the transaction that makes the account, again when it lost a username that it chose itself. */
async function withFreeNames<T>(
  { database, hasher }: Omit<RegistrationParts, 'sessions'>,
  { email, username: wanted, password, fullName }: Registration,
  requester: string,
  make: (sql: Sql, account: Named) => Promise<T>,
): Promise<T> {
  await requireFree(database, email, wanted);
  const passwordHash = await hasher.hash(password, requester);
  for (let lostRaces = 0; ; lostRaces++) {
    const username = wanted ?? (await freeUsername(database, email));
    if (isGuessable(password, { email, username })) throw guessable();
    try {
      return await database.transaction((sql) => make(sql, { email, username, fullName, passwordHash }));
    } catch (error) {
      const lostTheName = error instanceof Rejection && error.code === 'USERNAME_TAKEN' && wanted === undefined;
      if (!lostTheName || lostRaces === MOST_LOST_RACES) throw error;
    }
  }
}

function guessable(): Rejection {
  const message = 'must not be the e-mail address or the username';
  return new Rejection('VALIDATION_FAILED', 'The request is not valid', [{ path: 'password', message, code: 'format' }]);
}
