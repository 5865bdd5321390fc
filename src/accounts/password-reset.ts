import type { KeyObject } from 'node:crypto';
import type { UserEvent } from '../events/user/user-events.ts';
import { queueMail } from '../platform/mail/outbox-table.ts';
import { Rejection } from '../rejection.ts';
import { type AccountCall, accountEventContext } from './account-call.ts';
import { endAllTokens } from './compromise.ts';
import type { StopOutliving } from './credential-end.ts';
import { isGuessable } from './credentials.ts';
import type { Database } from './database.ts';
import { insertLink, linkInvalid, linkOf, useLink } from './mail-link.ts';
import { recordUserEvents } from './outbox.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { readUser } from './profile.ts';
import { endAllSessions } from './sessions.ts';

export interface PasswordResetParts {
  database: Database;
  hasher: PasswordHasher;
  clock: () => Date;
  /** Tokens of links are made with it. */
  linkKey: KeyObject;
  stopOutliving: StopOutliving;
}

/** So many links to one account hold at a time: whoever asks on and on fills nobody's mailbox. */
const MOST_LINKS = 10;

/**
 * Puts a link on its way to whoever has this address, if an active account has it. The same rows are written when none has: it takes as
 * long, and only who reads the mail learns the difference.
 */
export async function requestReset({ database, clock }: PasswordResetParts, email: string): Promise<void> {
  const at = clock();
  await database.transaction(async (sql) => {
    const [owner] = await sql.rows<{ id: string | null }>(ownerOf, [email, at, MOST_LINKS]);
    const userId = owner?.id ?? null;
    const sourceId = await insertLink(sql, { purpose: 'password_reset', userId }, at);
    await queueMail(sql, { kind: 'password_reset', sourceId, userId });
  });
}

/** The same for an account that an admin names. A disabled one is sent nothing. @throws Rejection USER_NOT_FOUND */
export async function requestResetFor({ database, clock }: PasswordResetParts, userId: string): Promise<void> {
  await database.transaction(async (sql) => {
    const user = await readUser(sql, userId);
    if (!user) throw new Rejection('USER_NOT_FOUND', 'There is no such user');
    if (!user.isActive) return;
    const sourceId = await insertLink(sql, { purpose: 'password_reset', userId }, clock());
    await queueMail(sql, { kind: 'password_reset', sourceId, userId });
  });
}

/**
 * Gives whoever shows a token of such a link another password, and ends all that was opened with the one before: sessions, and personal
 * access tokens, and webhooks. Whoever tells the change feed of it then puts that in force.
 * @returns whose password it was. @throws Rejection LINK_INVALID, VALIDATION_FAILED, OVERLOADED
 */
export async function resetPassword(parts: PasswordResetParts, token: string, next: string, call: AccountCall): Promise<string> {
  const { database, hasher, clock, linkKey, stopOutliving } = parts;
  const link = await linkOf(database, linkKey, token, ['password_reset'], clock());
  if (isGuessable(next, link)) throw guessable();
  const passwordHash = await hasher.hash(next, call.ip);
  const { userId } = link;
  const at = clock();
  await database.transaction(async (sql) => {
    const changed = await sql.rows(
      `update accounts.users set password_hash = $3
        where id = $1 and password_hash = $2 and email = $4 and is_active returning id`,
      [userId, link.passwordHash, passwordHash, link.email],
    );
    if (changed.length === 0) throw linkInvalid();
    await useLink(sql, link);
    await endAllSessions(sql, userId, 'password', at);
    const events: UserEvent[] = [
      { type: 'UserPasswordChanged', data: { by: 'reset' } },
      ...(await endAllTokens(sql, userId, at)),
      ...(await stopOutliving(sql, userId, { cause: 'password_reset' }, at)),
    ];
    await recordUserEvents(sql, userId, events, accountEventContext(call, { id: userId, kind: 'user' }, at));
    await sql.rows('select accounts.announce_change($1)', [userId]);
  });
  return userId;
}

function guessable(): Rejection {
  const message = 'must not be the e-mail address or the username';
  return new Rejection('VALIDATION_FAILED', 'The request is not valid', [{ path: 'new_password', message, code: 'format' }]);
}

const ownerOf = `
  select id from accounts.users where lower(email) = lower($1) and is_active
     and (select count(*) from accounts.mail_links
           where user_id = users.id and purpose = 'password_reset' and expires_at > $2) < $3`;
