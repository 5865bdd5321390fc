import { LRUCache } from 'lru-cache';
import type { Caller } from './caller.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { Database } from './database.ts';

/** Whose sessions are alive, and who those people are now. */
export interface KnownCallers {
  /** The caller, as it was at most a second ago; undefined when the database must be asked. */
  recall(userId: string, sessionId: string): Caller | undefined;
  /** The caller as the database says; null when the session has ended or the account is disabled. @throws DatabaseUnavailable */
  ask(userId: string, sessionId: string): Promise<Caller | null>;
}

interface Known {
  /** By `performance.now()`: the answer is no older than this. */
  askedAt: number;
  answer: Promise<Caller | null>;
  caller?: Caller;
}

/** Milliseconds that knowledge of a session may be old before the database is asked again: with the asking, a second. */
const FRESH_FOR = 900;
const PEOPLE = 20_000;
const SESSIONS_EACH = 100;

/**
 * Keeps callers in memory for as long as the change feed vouches for them: forgotten at the first change of their account, and asked
 * for again when the feed has been silent for a second. Nobody is known who was not asked for.
 */
export function createKnownCallers(database: Database, feed: ChangeFeed): KnownCallers {
  const people = new LRUCache<string, Map<string, Known>>({ max: PEOPLE });
  // An answer under way ends in a map that nobody reads any more: what was forgotten is not learnt from before.
  feed.onChange((userId) => (userId === null ? people.clear() : people.delete(userId)));

  return {
    recall(userId, sessionId) {
      const known = people.get(userId)?.get(sessionId);
      return known?.caller && isFresh(Math.max(known.askedAt, feed.toldUntil)) ? known.caller : undefined;
    },
    async ask(userId, sessionId) {
      const sessions = people.get(userId) ?? new Map<string, Known>();
      people.set(userId, sessions);
      const before = sessions.get(sessionId);
      if (before && isFresh(before.askedAt)) return before.answer;
      if (sessions.size >= SESSIONS_EACH) sessions.clear();
      const known: Known = { askedAt: performance.now(), answer: readCaller(database, userId, sessionId) };
      sessions.set(sessionId, known);
      try {
        const caller = await known.answer;
        if (caller) known.caller = caller;
        return caller;
      } finally {
        if (!known.caller && sessions.get(sessionId) === known) sessions.delete(sessionId);
      }
    },
  };
}

function isFresh(moment: number): boolean {
  return performance.now() - moment < FRESH_FOR;
}

async function readCaller(database: Database, userId: string, sessionId: string): Promise<Caller | null> {
  const [caller] = await database.rows<Caller>(
    `select users.id, users.username, users.full_name as "fullName", users.role = 'admin' as "isAdmin", users.timezone,
            sessions.id as "sessionId"
       from accounts.sessions join accounts.users on users.id = sessions.user_id
      where sessions.id = $1 and users.id = $2 and sessions.ended_at is null and users.is_active`,
    [sessionId, userId],
  );
  return caller ? Object.freeze(caller) : null;
}
