import type { KeyObject } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { Rejection } from '../rejection.ts';
import type { AccountCall } from './account-call.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { Database, Sql } from './database.ts';
import { newRefreshToken, refreshTokenDigest, successorOf } from './refresh-token.ts';

/** A session, and the one refresh token that continues it. */
export interface OpenSession {
  userId: string;
  sessionId: string;
  refreshToken: string;
}

/** A session as its owner sees it. */
export interface ListedSession {
  id: string;
  createdAt: Date;
  lastUsedAt: Date;
  /** As the client named itself when it last got tokens, and its address then. */
  userAgent: string;
  ip: string;
}

export type SessionEnd = 'logout' | 'token_reuse' | 'password' | 'revoked' | 'disabled' | 'erased';

export interface Sessions {
  /**
   * A new session, for somebody who has shown the password with this hash; null when that is no longer their password, or the account
   * is no longer active. Whoever changes either ends the sessions in a later statement: then none is missed.
   */
  open(sql: Sql, who: { userId: string; passwordHash: string }, call: AccountCall): Promise<OpenSession | null>;
  /**
   * Uses a refresh token up, for the next one. A client that repeats itself at once, as after a lost response or from two tabs, gets the
   * same successor. @throws Rejection TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REUSED: then the session is over
   */
  refresh(token: string, call: AccountCall): Promise<OpenSession>;
  /** The session of one of somebody's refresh tokens, used ones included. */
  ofToken(userId: string, token: string): Promise<string | null>;
  /** Ends those of a person's sessions that are open: one, or all. In force on this instance at once, on every other within a second. */
  end(userId: string, which: string | 'all', by: SessionEnd): Promise<void>;
  /** Ends one session, likewise. @returns whether it was open, and this person's */
  revoke(userId: string, sessionId: string): Promise<boolean>;
  /** Those of a person's sessions that are open, the newest first. */
  list(userId: string): Promise<ListedSession[]>;
}

/** Ends all sessions of a person but one, as part of a change of their password: whoever commits it tells of it. */
export async function endOtherSessions(sql: Sql, userId: string, keep: string, at: Date): Promise<void> {
  await sql.rows(`update accounts.sessions set ended_at = $3, ended_by = 'password' where user_id = $1 and id <> $2 and ended_at is null`, [
    userId,
    keep,
    at,
  ]);
}

/** Ends all sessions of a person, as part of what ends them: whoever commits it tells of it. */
export async function endAllSessions(sql: Sql, userId: string, by: SessionEnd, at: Date): Promise<void> {
  await sql.rows('update accounts.sessions set ended_at = $3, ended_by = $2 where user_id = $1 and ended_at is null', [userId, by, at]);
}

export interface SessionsDependencies {
  database: Database;
  feed: ChangeFeed;
  clock: () => Date;
  /** Successors of refresh tokens are derived with it, equally on all instances. */
  successorKey: KeyObject;
  /** A session ends so many days after its last refresh, and after the sign-in, whichever comes first. */
  lifetimeDays: number;
  maxDays: number;
  /** Whose refresh token came again after its successor was used, or too late, or from elsewhere. */
  onReuse?(userId: string, call: AccountCall): void;
}

const DAY_MS = 86_400_000;
/** How long after a refresh the same request gets the same answer: a client's retry, or its second tab. */
const GRACE_SECONDS = 10;

export function createSessions(dependencies: SessionsDependencies): Sessions {
  const { database, feed, clock, successorKey, lifetimeDays, maxDays, onReuse = () => {} } = dependencies;
  const times = () => {
    const now = clock();
    return { now, expiry: new Date(now.getTime() + Math.min(lifetimeDays, maxDays) * DAY_MS) };
  };

  const endThose = async (userId: string, which: string | 'all', by: SessionEnd): Promise<boolean> => {
    const ended = await database.rows(endSessions, [userId, which === 'all' ? null : which, clock(), by]);
    if (ended.length > 0) feed.tell(userId);
    return ended.length > 0;
  };
  const end: Sessions['end'] = async (userId, which, by) => void (await endThose(userId, which, by));

  return {
    async open(sql, { userId, passwordHash }, call) {
      const { now, expiry } = times();
      const session = { userId, sessionId: uuidv7(), refreshToken: newRefreshToken() };
      const digest = refreshTokenDigest(session.refreshToken);
      const values = [userId, passwordHash, session.sessionId, now, expiry, ...clientOf(call), digest];
      return (await sql.rows(openSession, values)).length > 0 ? session : null;
    },
    async refresh(token, call) {
      const { now, expiry } = times();
      const refreshToken = successorOf(token, successorKey);
      const [digest, next] = [refreshTokenDigest(token), refreshTokenDigest(refreshToken)];
      const values = [digest, now, expiry, ...clientOf(call), next, `${maxDays} days`];
      const [session] = await database.rows<{ userId: string; sessionId: string }>(rotateToken, values);
      if (session) return { ...session, refreshToken };
      const [userAgent] = clientOf(call);
      const repeat = [digest, now, `${GRACE_SECONDS} seconds`, userAgent, next];
      const [same] = await database.rows<{ userId: string; sessionId: string }>(repeatedRefresh, repeat);
      if (same) return { ...same, refreshToken };
      const { refusal, reusedIn } = await whyRefused(database, token, now);
      if (reusedIn) {
        onReuse(reusedIn.userId, call);
        await end(reusedIn.userId, reusedIn.sessionId, 'token_reuse');
      }
      throw refusal;
    },
    async ofToken(userId, token) {
      const [session] = await database.rows<{ id: string }>(sessionOfToken, [userId, refreshTokenDigest(token)]);
      return session?.id ?? null;
    },
    end,
    revoke: (userId, sessionId) => endThose(userId, sessionId, 'revoked'),
    list: (userId) => database.rows<ListedSession>(openSessions, [userId, clock()]),
  };
}

function clientOf({ userAgent, ip }: AccountCall): [userAgent: string, ip: string] {
  return [userAgent.slice(0, 500), ip];
}

interface Refused {
  refusal: Rejection;
  reusedIn?: { userId: string; sessionId: string };
}

async function whyRefused(database: Database, token: string, now: Date): Promise<Refused> {
  const [found] = await database.rows<{ userId: string; sessionId: string; usedAt: Date | null; expiresAt: Date }>(
    `select sessions.user_id as "userId", sessions.id as "sessionId", tokens.used_at as "usedAt", tokens.expires_at as "expiresAt"
       from accounts.refresh_tokens as tokens join accounts.sessions on sessions.id = tokens.session_id
      where tokens.digest = $1`,
    [refreshTokenDigest(token)],
  );
  if (found?.usedAt) {
    return { refusal: new Rejection('TOKEN_REUSED', 'This refresh token was used before; sign in again'), reusedIn: found };
  }
  if (found && found.expiresAt <= now) return { refusal: new Rejection('TOKEN_EXPIRED', 'The refresh token has expired; sign in again') };
  return { refusal: new Rejection('TOKEN_INVALID', 'The refresh token is not valid; sign in again') };
}

// The row of the account is locked, so that a change of its password or activity comes before this whole statement or after it.
const openSession = `
  with owner as (
    select id from accounts.users where id = $1 and password_hash = $2 and is_active for share
  ), session as (
    insert into accounts.sessions (id, user_id, created_at, last_used_at, expires_at, user_agent, ip)
    select $3::uuid, owner.id, $4::timestamptz, $4, $5::timestamptz, $6, $7 from owner
  )
  insert into accounts.refresh_tokens (digest, session_id, expires_at)
  select $8, $3, $5 from owner
  returning session_id`;

// Of two that use one token at once, the second waits for the first here, and then finds it used.
const rotateToken = `
  with used as (
    update accounts.refresh_tokens as token set used_at = $2::timestamptz
      from accounts.sessions join accounts.users on users.id = sessions.user_id
     where token.digest = $1 and token.used_at is null and token.expires_at > $2
       and sessions.id = token.session_id and sessions.ended_at is null and users.is_active
       and sessions.created_at + $7::interval > $2
    returning sessions.id as session_id, sessions.created_at, users.id as user_id
  ), next as (
    insert into accounts.refresh_tokens (digest, session_id, expires_at)
    select $6, session_id, least($3::timestamptz, created_at + $7::interval) from used
  )
  update accounts.sessions set last_used_at = $2, expires_at = least($3, sessions.created_at + $7::interval), user_agent = $4, ip = $5
    from used where sessions.id = used.session_id
  returning used.user_id as "userId", used.session_id as "sessionId"`;

// A session carries the user agent of its last refresh: while the successor is unused, that is the refresh that used this token up.
const repeatedRefresh = `
  select users.id as "userId", sessions.id as "sessionId"
    from accounts.refresh_tokens as token
    join accounts.refresh_tokens as successor on successor.digest = $5 and successor.session_id = token.session_id
    join accounts.sessions on sessions.id = token.session_id
    join accounts.users on users.id = sessions.user_id
   where token.digest = $1 and token.used_at > $2::timestamptz - $3::interval and successor.used_at is null
     and successor.expires_at > $2 and sessions.user_agent = $4 and sessions.ended_at is null and users.is_active`;

const sessionOfToken = `
  select sessions.id from accounts.refresh_tokens as tokens join accounts.sessions on sessions.id = tokens.session_id
   where tokens.digest = $2 and sessions.user_id = $1`;

const endSessions = `
  with ended as (
    update accounts.sessions set ended_at = $3, ended_by = $4
     where user_id = $1 and ($2::uuid is null or id = $2) and ended_at is null
    returning user_id
  )
  select accounts.announce_change(user_id) from (select distinct user_id from ended) as owners`;

const openSessions = `
  select id, created_at as "createdAt", last_used_at as "lastUsedAt", user_agent as "userAgent", ip
    from accounts.sessions where user_id = $1 and ended_at is null and expires_at > $2 order by id desc`;
