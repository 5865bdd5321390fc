import { Rejection } from '../rejection.ts';
import { type AccountCall, accountEventContext } from './account-call.ts';
import type { SessionCaller } from './caller.ts';
import type { StopOutliving } from './credential-end.ts';
import { isGuessable } from './credentials.ts';
import type { Database } from './database.ts';
import { recordUserEvents } from './outbox.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { endOtherSessions } from './sessions.ts';

export interface PasswordChange {
  current: string;
  /** Valid by itself. */
  next: string;
}

export interface PasswordChangeParts {
  database: Database;
  hasher: PasswordHasher;
  clock: () => Date;
  stopOutliving: StopOutliving;
}

/**
 * Changes the password of whoever shows the one they have, ends all their other sessions, and stops the webhooks that those made. Whoever tells the change feed of it then
 * puts that in force. @throws Rejection PASSWORD_INCORRECT, VALIDATION_FAILED, SESSION_ENDED, OVERLOADED
 */
export async function changePassword(
  parts: PasswordChangeParts,
  caller: SessionCaller,
  change: PasswordChange,
  call: AccountCall,
): Promise<void> {
  const { database, hasher } = parts;
  const account = await readAccount(database, caller.id);
  if (isGuessable(change.next, account)) throw guessable();
  const { matches } = await hasher.verify(account.passwordHash, change.current, caller.id);
  if (!matches) throw new Rejection('PASSWORD_INCORRECT', 'This is not your current password');
  const passwordHash = await hasher.hash(change.next, caller.id);
  // Changed meanwhile, or hashed anew by a login: it is asked again whether the one that was shown is right.
  if (!(await replaceHash(parts, caller, account.passwordHash, passwordHash, call))) return changePassword(parts, caller, change, call);
}

interface Account {
  email: string;
  username: string;
  passwordHash: string;
}

async function readAccount(database: Database, userId: string): Promise<Account> {
  const [account] = await database.rows<Account>(
    'select email, username, password_hash as "passwordHash" from accounts.users where id = $1 and is_active',
    [userId],
  );
  if (!account) throw new Rejection('SESSION_ENDED', 'The account is gone');
  return account;
}

/** @returns whether the hash before was still the one in force */
function replaceHash(
  { database, clock, stopOutliving }: PasswordChangeParts,
  { id, sessionId }: SessionCaller,
  before: string,
  after: string,
  call: AccountCall,
): Promise<boolean> {
  const at = clock();
  return database.transaction(async (sql) => {
    const changed = await sql.rows(
      'update accounts.users set password_hash = $3 where id = $1 and password_hash = $2 and is_active returning id',
      [id, before, after],
    );
    if (changed.length === 0) return false;
    await endOtherSessions(sql, id, sessionId, at);
    const context = accountEventContext(call, { id, kind: 'user', sessionId }, at);
    const stopped = await stopOutliving(sql, id, { cause: 'password_changed', keptSessionId: sessionId }, at);
    await recordUserEvents(sql, id, [{ type: 'UserPasswordChanged', data: { by: 'change' } }, ...stopped], context);
    await sql.rows('select accounts.announce_change($1)', [id]);
    return true;
  });
}

function guessable(): Rejection {
  const message = 'must not be the e-mail address or the username';
  return new Rejection('VALIDATION_FAILED', 'The request is not valid', [{ path: 'new_password', message, code: 'format' }]);
}
