import type { UserEvent } from '../events/user/user-events.ts';
import { type AccountCall, accountEventContext, actorOf } from './account-call.ts';
import type { SessionCaller } from './caller.ts';
import type { StopOutliving } from './credential-end.ts';
import type { Database, Sql } from './database.ts';
import { recordUserEvents } from './outbox.ts';
import { endAllSessions } from './sessions.ts';

export interface CompromiseDependencies {
  database: Database;
  clock: () => Date;
  stopOutliving: StopOutliving;
}

/**
 * Ends everything that someone else may have opened in an account: all sessions and personal tokens, a change of e-mail that waits for its
 * link, and what outlives them. Whoever calls this then tells the change feed, which puts it in force.
 */
export async function endEverything(dependencies: CompromiseDependencies, caller: SessionCaller, call: AccountCall): Promise<void> {
  const { database, clock, stopOutliving } = dependencies;
  const at = clock();
  await database.transaction(async (sql) => {
    await sql.rows('select from accounts.users where id = $1 for no key update', [caller.id]);
    await endAllSessions(sql, caller.id, 'revoked', at);
    await sql.rows(`delete from accounts.mail_links where user_id = $1 and purpose = 'email_change'`, [caller.id]);
    const events = [...(await endAllTokens(sql, caller.id, at)), ...(await stopOutliving(sql, caller.id, { cause: 'compromised' }, at))];
    if (events.length > 0) await recordUserEvents(sql, caller.id, events, accountEventContext(call, actorOf(caller), at));
    await sql.rows('select accounts.announce_change($1)', [caller.id]);
  });
}

/** Ends all personal tokens of an account, as part of what ends them. @returns the events of it */
export async function endAllTokens(sql: Sql, userId: string, at: Date): Promise<UserEvent[]> {
  const ended = await sql.rows<{ id: string }>(
    'update accounts.access_tokens set ended_at = $2 where user_id = $1 and ended_at is null returning id',
    [userId, at],
  );
  return ended.map(({ id }) => ({ type: 'AccessTokenRevoked', data: { token_id: id } }));
}

/** Whether a token has ended or expired, or a session was ended by something else than signing out. */
export async function isRevoked(sql: Sql, sessionId: string | undefined, tokenId: string | undefined): Promise<boolean> {
  const revoked = await sql.rows(
    `select from accounts.sessions where id = $1 and ended_by <> 'logout'
     union all
     select from accounts.access_tokens where id = $2 and (ended_at is not null or expires_at <= now())`,
    [sessionId ?? null, tokenId ?? null],
  );
  return revoked.length > 0;
}
