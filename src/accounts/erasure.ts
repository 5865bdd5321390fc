import type { UserEvent } from '../events/user/user-events.ts';
import { Rejection } from '../rejection.ts';
import { type AccountActor, accountEventContext, system } from './account-call.ts';
import { awaitOtherAdministration, requireOtherAdmin, requireStillAdmin } from './account-changes.ts';
import type { Database, Sql } from './database.ts';
import { recordUserEvents } from './outbox.ts';
import { readUser } from './profile.ts';

/** The wish that an account be erased. It is never taken back. */
export interface ErasureWish {
  userId: string;
  /** Who is given what the person owns; null when it goes with the account. */
  transferTo: string | null;
  by: AccountActor;
  call: { operationId: string; requestId: string };
}

/** A wish that is not yet done with. */
export interface Erasure {
  userId: string;
  transferTo: string | null;
  operationId: string;
  requestId: string;
  requestedBy: Pick<AccountActor, 'id' | 'kind'>;
}

/** What the account's stream says of it. */
export interface InLog {
  requested: boolean;
  erased: boolean;
  /** Of its last event; -1 when there is none. */
  logRevision: number;
}

/** A wish as it is remembered outside: by ids alone. */
export interface KnownWish {
  user_id: string;
  transfer_to: string | null;
  /** RFC 3339 UTC with milliseconds. */
  requested_at: string;
}

/** Milliseconds after which nothing that was under way at the wish can still come: then everything is looked through once more. */
const SETTLED_AFTER = 300_000;

/**
 * Writes the wish down and carries out all of it that these tables hold, in one transaction: the account is nobody's from then on, its
 * sessions and tokens have ended, its address may be registered anew. Whoever tells the change feed of it then puts that in force.
 * @param unchanged the hash of the password that was shown; left out when an admin asks
 * @returns false when that is no longer the one in force
 * @throws Rejection USER_NOT_FOUND, LAST_ADMIN, ADMIN_ONLY, SESSION_ENDED
 */
export function wishErasure(database: Database, wish: ErasureWish, at: Date, unchanged?: string): Promise<boolean> {
  const { userId, transferTo, by, call } = wish;
  return database.transaction(async (sql) => {
    // Erasures come one after another: who is to be given something is not erased meanwhile.
    await awaitOtherAdministration(sql);
    await sql.rows('select from accounts.users where id = $1 for update', [userId]);
    const user = await readUser(sql, userId);
    if (!user) throw unchanged === undefined ? userNotFound() : new Rejection('SESSION_ENDED', 'The account is gone');
    if (unchanged !== undefined && !(await hasPassword(sql, userId, unchanged))) return false;
    if (transferTo !== null) await requireHeir(sql, userId, transferTo);
    await requireOtherAdmin(sql, user);
    if (unchanged === undefined) await requireStillAdmin(sql, by.id);
    await forgetAccount(sql, wish, at);
    await recordUserEvents(
      sql,
      userId,
      [{ type: 'UserErasureRequested', data: { transfer_to: transferTo } }],
      accountEventContext(call, by, at),
    );
    return true;
  });
}

/**
 * Does again, in a database that was restored, what is known to have been wished: nobody is asked. What the log has of it already is not
 * said again.
 * @returns false when there is nothing to do: no such account, or it is erased here too
 */
export function repeatErasure(database: Database, wish: ErasureWish, at: Date, inLog: InLog): Promise<boolean> {
  const { userId, transferTo, by, call } = wish;
  return database.transaction(async (sql) => {
    const [account] = await sql.rows('select from accounts.users where id = $1 and erased_at is null for update', [userId]);
    if (!account) return false;
    await sql.rows('update accounts.users set log_revision = greatest(log_revision, $2) where id = $1', [userId, inLog.logRevision]);
    await forgetAccount(sql, wish, at);
    if (inLog.erased) await sql.rows('update accounts.erasures set recorded_at = $2 where user_id = $1', [userId, at]);
    if (inLog.requested) return true;
    const wished: UserEvent = { type: 'UserErasureRequested', data: { transfer_to: transferTo } };
    await recordUserEvents(sql, userId, [wished], accountEventContext(call, by, at));
    return true;
  });
}

export async function notErased(database: Database, userIds: readonly string[]): Promise<string[]> {
  const rows = await database.rows<{ id: string }>('select id from accounts.users where id = any($1) and erased_at is null', [userIds]);
  return rows.map(({ id }) => id);
}

export async function wishesSince(database: Database, since: Date): Promise<KnownWish[]> {
  const rows = await database.rows<Omit<KnownWish, 'requested_at'> & { requested_at: Date }>(
    'select user_id, transfer_to, requested_at from accounts.erasures where requested_at >= $1 order by requested_at',
    [since],
  );
  return rows.map((wish) => ({ ...wish, requested_at: wish.requested_at.toISOString() }));
}

/** Those whose erasure is to be begun, or gone on with: nobody was at it for a while. */
export async function claimUnsettled(database: Database): Promise<string[]> {
  const rows = await database.rows<{ id: string }>(
    `update accounts.erasures set touched_at = now()
      where settled_at is null and touched_at < now() - interval '30 seconds'
        and (done_at is null or requested_at < now() - $1 * interval '1 millisecond')
      returning user_id as id`,
    [SETTLED_AFTER],
  );
  return rows.map(({ id }) => id);
}

/** Has these erasures done again, from now on. */
export async function reopen(database: Database, userIds: readonly string[]): Promise<void> {
  await database.rows(`update accounts.erasures set done_at = null, settled_at = null, touched_at = '-infinity' where user_id = any($1)`, [
    userIds,
  ]);
}

/** @returns null when nobody wished it. Says that somebody is at it. */
export async function touchErasure(database: Database, userId: string): Promise<Erasure | null> {
  const [erasure] = await database.rows<Omit<Erasure, 'requestedBy'> & { requestedBy: string }>(
    `update accounts.erasures set touched_at = now() where user_id = $1
     returning user_id as "userId", transfer_to as "transferTo", operation_id as "operationId", request_id as "requestId",
       requested_by as "requestedBy"`,
    [userId],
  );
  if (!erasure) return null;
  const { requestedBy: id } = erasure;
  return { ...erasure, requestedBy: { id, kind: id === system.id ? 'system' : 'user' } };
}

/** Whom the person's tasks go to: where that one is erased too, whom theirs go to. */
export async function heirOf(database: Database, userId: string): Promise<string | null> {
  const [heir] = await database.rows<{ id: string }>(
    `with recursive heirs (id) as (
       select transfer_to from accounts.erasures where user_id = $1
       union
       select erasures.transfer_to from heirs join accounts.erasures on erasures.user_id = heirs.id
     )
     select heirs.id from heirs join accounts.users on users.id = heirs.id where users.erased_at is null limit 1`,
    [userId],
  );
  return heir?.id ?? null;
}

/**
 * Takes the addresses out of what was kept of how the service was used by this person, or against them, and what they were still told
 * when the account was just gone.
 */
export async function forgetTraces(database: Database, userId: string): Promise<void> {
  await database.rows('delete from notifications.inbox where user_id = $1', [userId]);
  await database.rows('delete from notifications.mail_outbox where user_id = $1', [userId]);
  await database.rows(`update accounts.security_events set ip = null where ip is not null and (user_id = $1 or actor_id = $1)`, [userId]);
}

/** Puts the done on its way into the log, once. */
export function recordErased(database: Database, { userId, transferTo, requestedBy, ...call }: Erasure, at: Date): Promise<void> {
  return database.transaction(async (sql) => {
    await sql.rows('select from accounts.users where id = $1 for no key update', [userId]);
    const first = await sql.rows(
      'update accounts.erasures set recorded_at = $2 where user_id = $1 and recorded_at is null returning user_id',
      [userId, at],
    );
    if (first.length === 0) return;
    const context = accountEventContext(call, requestedBy, at);
    await recordUserEvents(sql, userId, [{ type: 'UserErased', data: { transfer_to: transferTo } }], context);
  });
}

/** Whether the log has all that is to be said of somebody's account. */
export async function isTold(database: Database, userId: string): Promise<boolean> {
  return (await database.rows('select from accounts.outbox where user_id = $1 limit 1', [userId])).length === 0;
}

/** Everything is gone. What was done late enough after the wish is done for good. */
export async function markDone(database: Database, userId: string): Promise<void> {
  await database.rows(
    `update accounts.erasures set done_at = coalesce(done_at, now()),
       settled_at = case when requested_at < now() - $2 * interval '1 millisecond' then now() end
      where user_id = $1`,
    [userId, SETTLED_AFTER],
  );
}

export async function isDone(database: Database, userId: string): Promise<boolean> {
  return (await database.rows('select from accounts.erasures where user_id = $1 and done_at is not null', [userId])).length > 0;
}

async function forgetAccount(sql: Sql, { userId, transferTo, by, call }: ErasureWish, at: Date): Promise<void> {
  await sql.rows(
    `update accounts.users set email = null, username = null, full_name = null, password_hash = null, timezone = 'UTC',
       email_verified = false, is_active = false, erased_at = $2 where id = $1`,
    [userId, at],
  );
  await sql.rows(
    `update accounts.sessions set user_agent = '', ip = '', ended_at = coalesce(ended_at, $2), ended_by = coalesce(ended_by, 'erased')
      where user_id = $1`,
    [userId, at],
  );
  await sql.rows(`update accounts.access_tokens set name = '', ended_at = coalesce(ended_at, $2) where user_id = $1`, [userId, at]);
  await sql.rows(
    `insert into accounts.erasures (user_id, transfer_to, requested_by, operation_id, request_id, requested_at)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (user_id) do update set requested_at = $6, recorded_at = null, done_at = null, settled_at = null, touched_at = now()`,
    [userId, transferTo, by.id, call.operationId, call.requestId, at],
  );
  await sql.rows('select accounts.announce_change($1)', [userId]);
}

async function hasPassword(sql: Sql, userId: string, hash: string): Promise<boolean> {
  return (await sql.rows('select from accounts.users where id = $1 and password_hash = $2', [userId, hash])).length > 0;
}

async function requireHeir(sql: Sql, userId: string, heirId: string): Promise<void> {
  const [heir] = await sql.rows('select from accounts.users where id = $1 and id <> $2 and is_active', [heirId, userId]);
  if (!heir) throw userNotFound();
}

function userNotFound(): Rejection {
  return new Rejection('USER_NOT_FOUND', 'There is no such user');
}
