import { v7 as uuidv7 } from 'uuid';
import type { UserEvent } from '../events/user/user-events.ts';
import type { Role } from '../events/values.ts';
import { Rejection } from '../rejection.ts';
import { type AccountActor, type AccountCall, accountEventContext } from './account-call.ts';
import { type Database, type Sql, violatedUniqueness } from './database.ts';
import { recordUserEvents } from './outbox.ts';
import { type User, userColumns } from './user.ts';
import { usernamesFor } from './username.ts';

export interface NewAccount {
  email: string;
  username: string;
  fullName: string;
  passwordHash: string;
  role: Role;
  via: Extract<UserEvent, { type: 'UserRegistered' }>['data']['via'];
}

/**
 * Makes an account, in the caller's transaction. The unique indexes judge: of many at once, one wins.
 * @param actor who makes it; left out, the new person does
 * @throws Rejection EMAIL_TAKEN, USERNAME_TAKEN
 */
export async function makeAccount(
  sql: Sql,
  account: NewAccount,
  call: Pick<AccountCall, 'requestId' | 'operationId'>,
  at: Date,
  actor?: AccountActor,
): Promise<User> {
  const { email, username, fullName, passwordHash, role, via } = account;
  const [user] = await sql
    .rows<User>(
      `insert into accounts.users (id, email, username, full_name, password_hash, role, created_at, log_revision, email_given_by_admin)
       values ($1, $2, $3, $4, $5, $6, $7, -1, $8) returning ${userColumns}`,
      [uuidv7(), email, username, fullName, passwordHash, role, at, via !== 'self'],
    )
    .catch((error) => {
      throw taken(violatedUniqueness(error)) ?? error;
    });
  const events: UserEvent[] = [{ type: 'UserRegistered', data: { role, via } }];
  await recordUserEvents(sql, user!.id, events, accountEventContext(call, actor ?? { id: user!.id, kind: 'user' }, at));
  return user!;
}

/**
 * The refusal that the violation of a unique index of `accounts.users` stands for.
 * @param emailPath by which key of the request the e-mail address came
 */
export function taken(index: string | undefined, emailPath = 'email'): Rejection | undefined {
  if (index === 'users_email_key')
    return new Rejection('EMAIL_TAKEN', 'There is an account with this e-mail address already', [{ path: emailPath }]);
  if (index === 'users_username_key')
    return new Rejection('USERNAME_TAKEN', 'This username is taken: choose another', [{ path: 'username' }]);
  return undefined;
}

/** Refuses what is taken already, before anything costly is done for it. @throws Rejection EMAIL_TAKEN, USERNAME_TAKEN */
export async function requireFree(database: Database, email: string, username: string | undefined): Promise<void> {
  const rows = await database.rows<{ email: boolean; username: boolean }>(
    `select exists (select from accounts.users where lower(email) = lower($1)) as email, ${isTaken('$2')} as username`,
    [email, username ?? null],
  );
  if (rows[0]!.email) throw taken('users_email_key');
  if (rows[0]!.username) throw taken('users_username_key');
}

/** The first free one of the usernames that an e-mail address suggests. */
export async function freeUsername(database: Database, email: string): Promise<string> {
  const candidates = usernamesFor(email);
  for (let count = 10; ; count = Math.min(count * 10, 10_000)) {
    const some = Array.from({ length: count }, () => candidates.next().value);
    const [free] = await database.rows<{ username: string }>(
      `select username from unnest($1::text[]) with ordinality as candidate (username, nth)
        where not (${isTaken('candidate.username')}) order by nth limit 1`,
      [some],
    );
    if (free) return free.username;
  }
}

function isTaken(username: string): string {
  return `(exists (select from accounts.users where users.username = ${username})
    or exists (select from accounts.retired_usernames where digest = accounts.username_digest(${username})))`;
}
