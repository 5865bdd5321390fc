import type { UserEvent } from '../events/user/user-events.ts';
import type { Role } from '../events/values.ts';
import { Rejection } from '../rejection.ts';
import { type AccountCall, accountEventContext } from './account-call.ts';
import type { SessionCaller } from './caller.ts';
import type { StopOutliving } from './credential-end.ts';
import type { Database, Sql } from './database.ts';
import { recordUserEvents } from './outbox.ts';
import { readUser } from './profile.ts';
import { endAllSessions } from './sessions.ts';
import type { User } from './user.ts';

/** What an admin may change of an account. */
export interface AccountChanges {
  role?: Role | undefined;
  isActive?: boolean | undefined;
}

export interface ChangedAccount {
  user: User;
  /** What happened to it; nothing, when it was so already. */
  events: readonly UserEvent[];
}

/**
 * Changes what is different from what is there. A disabled account's sessions end with it, and its webhooks stop. Whoever tells the change feed of it then puts
 * it in force. @throws Rejection USER_NOT_FOUND, LAST_ADMIN, ADMIN_ONLY
 */
export function changeAccount(
  { database, stopOutliving }: { database: Database; stopOutliving: StopOutliving },
  caller: SessionCaller,
  userId: string,
  changes: AccountChanges,
  call: AccountCall,
  at: Date,
): Promise<ChangedAccount> {
  return database.transaction(async (sql) => {
    await awaitOtherAdministration(sql);
    await sql.rows('select from accounts.users where id = $1 for no key update', [userId]);
    const before = await readUser(sql, userId);
    if (!before) throw new Rejection('USER_NOT_FOUND', 'There is no such user');
    const after = { ...before, role: changes.role ?? before.role, isActive: changes.isActive ?? before.isActive };
    const events = eventsBetween(before, after);
    if (events.length === 0) return { user: before, events };
    if (!isActiveAdmin(after)) await requireOtherAdmin(sql, before);
    await requireStillAdmin(sql, caller.id);
    await sql.rows('update accounts.users set role = $2, is_active = $3 where id = $1', [userId, after.role, after.isActive]);
    if (before.role === 'admin' && after.role !== 'admin') events.push(...(await narrowTokens(sql, userId, stopOutliving, at)));
    if (!after.isActive) await endAllSessions(sql, userId, 'disabled', at);
    if (!after.isActive) events.push(...(await stopOutliving(sql, userId, { cause: 'account_disabled' }, at)));
    await recordUserEvents(sql, userId, events, accountEventContext(call, byAdmin(caller), at));
    await sql.rows('select accounts.announce_change($1)', [userId]);
    return { user: after, events };
  });
}

/** Takes the scope `admin` from an account's tokens for good: a later promotion must not wake it. */
async function narrowTokens(sql: Sql, userId: string, stopOutliving: StopOutliving, at: Date): Promise<UserEvent[]> {
  await sql.rows(`update accounts.access_tokens set scopes = array_remove(scopes, 'admin') where user_id = $1 and 'admin' = any(scopes)`, [
    userId,
  ]);
  return stopOutliving(sql, userId, { cause: 'role_lost' }, at);
}

/** Who makes the events of what an admin does. */
export function byAdmin({ id, sessionId }: SessionCaller) {
  return { id, kind: 'user', sessionId } as const;
}

/** Waits until nobody else changes who is an active admin, and keeps others from it until this transaction ends. */
export async function awaitOtherAdministration(sql: Sql): Promise<void> {
  await sql.rows(`select pg_advisory_xact_lock(hashtextextended('tasktrail_administration', 0))`);
}

/**
 * Before somebody stops being an active admin. Only behind `awaitOtherAdministration`: then of two admins who take it from each other at
 * once, the second is refused. @throws Rejection LAST_ADMIN
 */
export async function requireOtherAdmin(sql: Sql, user: User): Promise<void> {
  if (!isActiveAdmin(user)) return;
  const [other] = await sql.rows(`select from accounts.users where role = 'admin' and is_active and id <> $1 limit 1`, [user.id]);
  if (!other) throw new Rejection('LAST_ADMIN', 'This is the last active admin; make another one first');
}

/** What was told of the caller may be older than another admin's change. */
export async function requireStillAdmin(sql: Sql, callerId: string): Promise<void> {
  const [admin] = await sql.rows(`select from accounts.users where id = $1 and role = 'admin' and is_active`, [callerId]);
  if (!admin) throw new Rejection('ADMIN_ONLY', 'This is for admins only');
}

function isActiveAdmin({ role, isActive }: Pick<User, 'role' | 'isActive'>): boolean {
  return isActive && role === 'admin';
}

function eventsBetween(before: User, after: User): UserEvent[] {
  const events: UserEvent[] = [];
  if (after.role !== before.role) events.push({ type: 'UserRoleChanged', data: { role: { from: before.role, to: after.role } } });
  if (after.isActive !== before.isActive) events.push({ type: after.isActive ? 'UserReactivated' : 'UserDeactivated', data: {} });
  return events;
}
