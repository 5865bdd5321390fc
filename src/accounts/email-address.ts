import type { KeyObject } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { eventIdOf } from '../events/codec.ts';
import type { UserEvent } from '../events/user/user-events.ts';
import { queueMail } from '../platform/mail/outbox-table.ts';
import { Rejection } from '../rejection.ts';
import { type AccountCall, accountEventContext } from './account-call.ts';
import type { Caller, SessionCaller } from './caller.ts';
import { type Database, type Sql, violatedUniqueness } from './database.ts';
import { insertLink, linkInvalid, linkOf, type MailLink, useLink } from './mail-link.ts';
import { taken } from './new-account.ts';
import { recordUserEvents } from './outbox.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { readUser } from './profile.ts';

export interface EmailAddressParts {
  database: Database;
  hasher: PasswordHasher;
  clock: () => Date;
  /** Tokens of links are made with it. */
  linkKey: KeyObject;
}

/** Puts a link on its way to the caller's address; not to one that is verified. @throws Rejection SESSION_ENDED */
export async function requestVerification({ database, clock }: EmailAddressParts, caller: Caller): Promise<void> {
  await database.transaction(async (sql) => {
    const user = await readUser(sql, caller.id);
    if (!user) throw gone();
    if (user.emailVerified) return;
    const sourceId = await insertLink(sql, { purpose: 'verification', userId: user.id }, clock());
    await queueMail(sql, { kind: 'verification', sourceId, userId: user.id });
  });
}

/**
 * Puts a link on its way to the address that is to be the caller's, instead of what was asked for before; and a note to the one that is. It
 * is changed when the link is used. @throws Rejection PASSWORD_INCORRECT, EMAIL_TAKEN, SESSION_ENDED, OVERLOADED
 */
export async function requestEmailChange(
  { database, hasher, clock }: EmailAddressParts,
  caller: SessionCaller,
  { newEmail, password }: { newEmail: string; password: string },
): Promise<void> {
  const [account] = await database.rows<{ hash: string }>('select password_hash as hash from accounts.users where id = $1 and is_active', [
    caller.id,
  ]);
  if (!account) throw gone();
  const { matches } = await hasher.verify(account.hash, password, caller.id);
  if (!matches) throw new Rejection('PASSWORD_INCORRECT', 'This is not your password');
  await database.transaction(async (sql) => {
    const user = await readUser(sql, caller.id);
    if (!user) throw gone();
    const others = await sql.rows('select from accounts.users where lower(email) = lower($1) and id <> $2', [newEmail, caller.id]);
    if (others.length > 0) throw taken('users_email_key', 'new_email');
    await sql.rows(`delete from accounts.mail_links where user_id = $1 and purpose = 'email_change'`, [caller.id]);
    const sourceId = await insertLink(sql, { purpose: 'email_change', userId: user.id, newEmail }, clock());
    await queueMail(sql, { kind: 'email_change', sourceId, userId: user.id });
    const isOther = newEmail.toLowerCase() !== user.email.toLowerCase();
    if (isOther) await queueMail(sql, { kind: 'email_change_requested', sourceId: uuidv7(), userId: user.id });
  });
}

/**
 * Whoever shows the token of a link has read the mail: the address is verified, and is the account's from then on where it was not.
 * @returns whose. @throws Rejection LINK_INVALID, EMAIL_TAKEN
 */
export async function verifyAddress({ database, clock, linkKey }: EmailAddressParts, token: string, call: AccountCall): Promise<string> {
  const at = clock();
  const link = await linkOf(database, linkKey, token, ['verification', 'email_change'], at);
  const { userId } = link;
  await database.transaction(async (sql) => {
    await setAddress(sql, link);
    await useLink(sql, link);
    const isChanged = link.to !== link.email;
    const events: UserEvent[] = [
      ...(isChanged ? [{ type: 'UserEmailChanged', data: {} } as const] : []),
      ...(isChanged || !link.emailVerified ? [{ type: 'UserEmailVerified', data: {} } as const] : []),
    ];
    if (events.length === 0) return;
    const context = accountEventContext(call, { id: userId, kind: 'user' }, at);
    await recordUserEvents(sql, userId, events, context);
    if (isChanged) await keepFormer(sql, link, eventIdOf(context, 0), at);
    await sql.rows('select accounts.announce_change($1)', [userId]);
  });
  return userId;
}

async function setAddress(sql: Sql, { userId, to, email }: MailLink): Promise<void> {
  const changed = await sql
    .rows('update accounts.users set email = $3, email_verified = true where id = $1 and email = $2 and is_active returning id', [
      userId,
      email,
      to,
    ])
    .catch((error) => {
      throw taken(violatedUniqueness(error), 'token') ?? error;
    });
  if (changed.length === 0) throw linkInvalid();
}

/** The address that the account had: its owner is told of the change, and for that alone it is kept a while. */
async function keepFormer(sql: Sql, { userId, email, emailVerified }: MailLink, eventId: string, at: Date): Promise<void> {
  await sql.rows('insert into accounts.former_emails (event_id, user_id, email, was_verified, changed_at) values ($1, $2, $3, $4, $5)', [
    eventId,
    userId,
    email,
    emailVerified,
    at,
  ]);
}

function gone(): Rejection {
  return new Rejection('SESSION_ENDED', 'The account is gone');
}
