import { Rejection } from '../rejection.ts';
import type { AccountCall } from './account-call.ts';
import { isGuessable } from './credentials.ts';
import type { Database } from './database.ts';
import { freeUsername, makeAccount, requireFree } from './new-account.ts';
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
export async function register(
  parts: RegistrationParts,
  registration: Registration,
  call: AccountCall,
): Promise<{ user: User; session: OpenSession }> {
  const { email, password } = registration;
  await requireFree(parts.database, email, registration.username);
  const passwordHash = await parts.hasher.hash(password);
  for (let lostRaces = 0; ; lostRaces++) {
    const username = registration.username ?? (await freeUsername(parts.database, email));
    if (isGuessable(password, { email, username })) throw guessable();
    try {
      return await parts.database.transaction(async (sql) => {
        const account = { email, username, fullName: registration.fullName, passwordHash, role: 'user', via: 'self' } as const;
        const user = await makeAccount(sql, account, call, parts.clock());
        const session = await parts.sessions.open(sql, { userId: user.id, passwordHash }, call);
        return { user, session: session! };
      });
    } catch (error) {
      const lostTheName = error instanceof Rejection && error.code === 'USERNAME_TAKEN' && registration.username === undefined;
      if (!lostTheName || lostRaces === MOST_LOST_RACES) throw error;
    }
  }
}

function guessable(): Rejection {
  const message = 'must not be the e-mail address or the username';
  return new Rejection('VALIDATION_FAILED', 'The request is not valid', [{ path: 'password', message, code: 'format' }]);
}
