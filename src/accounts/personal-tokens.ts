import { v7 as uuidv7 } from 'uuid';
import type { UserEvent } from '../events/user/user-events.ts';
import type { Role } from '../events/values.ts';
import { Rejection } from '../rejection.ts';
import { type AccountCall, accountEventContext } from './account-call.ts';
import type { SessionCaller } from './caller.ts';
import type { StopOutliving } from './credential-end.ts';
import type { Database, Sql } from './database.ts';
import { recordUserEvents } from './outbox.ts';
import { newPersonalToken, personalTokenDigest } from './personal-token.ts';
import { scopes as allScopes, type Scope } from './scope.ts';

/** A personal access token as its owner sees it, without the secret. */
export interface PersonalToken {
  id: string;
  name: string;
  scopes: Scope[];
  createdAt: Date;
  /** Null for one that does not expire. */
  expiresAt: Date | null;
}

export interface NewPersonalToken {
  name: string;
  scopes: readonly Scope[];
  expiresAt: Date | null;
}

/** How many of them somebody may have. Those that have expired do not count. */
export const MOST_TOKENS = 50;

const columns = 'id, name, scopes, created_at as "createdAt", expires_at as "expiresAt"';

/** Somebody's own tokens. All may throw DatabaseUnavailable. */
export interface PersonalTokens {
  /** @returns it with its secret, of which only a digest is kept. @throws Rejection ADMIN_ONLY, LIMIT_REACHED, SESSION_ENDED */
  create(caller: SessionCaller, wanted: NewPersonalToken, call: AccountCall): Promise<PersonalToken & { secret: string }>;
  /** Those that were not revoked, the newest first; those that have expired among them. */
  list(userId: string): Promise<PersonalToken[]>;
  /** Ends one: in force on this instance at once, on every other within a second. @throws Rejection ACCESS_TOKEN_NOT_FOUND */
  revoke(caller: SessionCaller, tokenId: string, call: AccountCall): Promise<void>;
}

export interface PersonalTokenParts {
  database: Database;
  clock: () => Date;
  stopOutliving: StopOutliving;
  /** The account changed, and that is committed. */
  changed(userId: string): Promise<void>;
}

export function createPersonalTokens({ database, clock, stopOutliving, changed }: PersonalTokenParts): PersonalTokens {
  return {
    async create(caller, wanted, call) {
      const secret = newPersonalToken();
      const token = await database.transaction((sql) => insertToken(sql, caller, wanted, personalTokenDigest(secret)!, call, clock()));
      await changed(caller.id);
      return { ...token, secret };
    },
    list: (userId) =>
      database.rows<PersonalToken>(
        `select ${columns} from accounts.access_tokens where user_id = $1 and ended_at is null order by id desc`,
        [userId],
      ),
    async revoke(caller, tokenId, call) {
      await database.transaction((sql) => endToken(sql, caller, { tokenId, stopOutliving }, call, clock()));
      await changed(caller.id);
    },
  };
}

/** Many at once are counted one after another, under the lock of the account's row. */
async function insertToken(sql: Sql, caller: SessionCaller, wanted: NewPersonalToken, digest: Buffer, call: AccountCall, at: Date) {
  const { role } = await lockAccount(sql, caller);
  if (wanted.scopes.includes('admin') && role !== 'admin') throw new Rejection('ADMIN_ONLY', 'Only admins give a token the scope admin');
  const [{ count }] = (await sql.rows<{ count: number }>(countTokens, [caller.id, at])) as [{ count: number }];
  if (count >= MOST_TOKENS)
    throw new Rejection('LIMIT_REACHED', `At most ${MOST_TOKENS} tokens; revoke one first`, [{ limit: MOST_TOKENS }]);
  const scopes = allScopes.filter((scope) => wanted.scopes.includes(scope));
  const [token] = await sql.rows<PersonalToken>(
    `insert into accounts.access_tokens (id, user_id, name, scopes, digest, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7) returning ${columns}`,
    [uuidv7(), caller.id, wanted.name, scopes, digest, at, wanted.expiresAt],
  );
  const data = { token_id: token!.id, scopes, expires_at: wanted.expiresAt?.toISOString() ?? null };
  await record(sql, caller, [{ type: 'AccessTokenCreated', data }], call, at);
  return token!;
}

async function endToken(
  sql: Sql,
  caller: SessionCaller,
  { tokenId, stopOutliving }: { tokenId: string; stopOutliving: StopOutliving },
  call: AccountCall,
  at: Date,
): Promise<void> {
  await sql.rows('select from accounts.users where id = $1 for no key update', [caller.id]);
  const ended = await sql.rows(
    'update accounts.access_tokens set ended_at = $3 where user_id = $1 and id = $2 and ended_at is null returning id',
    [caller.id, tokenId, at],
  );
  if (ended.length === 0) throw new Rejection('ACCESS_TOKEN_NOT_FOUND', 'There is no such access token');
  const stopped = await stopOutliving(sql, caller.id, { cause: 'token_ended', tokenId }, at);
  await record(sql, caller, [{ type: 'AccessTokenRevoked', data: { token_id: tokenId } }, ...stopped], call, at);
  await sql.rows('select accounts.announce_change($1)', [caller.id]);
}

/** What was told of a session may be a second old: what lasts longer than it is made only while it is really open. */
async function lockAccount(sql: Sql, { id, sessionId }: SessionCaller): Promise<{ role: Role }> {
  const [open] = await sql.rows<{ role: Role }>(
    `select users.role from accounts.users join accounts.sessions on sessions.user_id = users.id
      where users.id = $1 and users.is_active and sessions.id = $2 and sessions.ended_at is null for no key update of users`,
    [id, sessionId],
  );
  if (!open) throw new Rejection('SESSION_ENDED', 'The session has ended; sign in again');
  return open;
}

function record(sql: Sql, { id, sessionId }: SessionCaller, events: readonly UserEvent[], call: AccountCall, at: Date): Promise<void> {
  return recordUserEvents(sql, id, events, accountEventContext(call, { id, kind: 'user', sessionId }, at));
}

const countTokens = `
  select count(*)::integer as count from accounts.access_tokens
   where user_id = $1 and ended_at is null and (expires_at is null or expires_at > $2)`;
