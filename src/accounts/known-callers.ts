import { LRUCache } from 'lru-cache';
import type { Caller, SessionCaller } from './caller.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { Database } from './database.ts';
import { grants, type Scope } from './scope.ts';

/** What a caller has shown: that they hold a session, or a personal access token. */
export type Proof = { sessionId: string } | { tokenId: string };

/** Whose sessions and tokens are alive, and who those people are now. */
export interface KnownCallers {
  /** The caller, as it was at most a second ago; undefined when the database must be asked. */
  recall(userId: string, proofId: string): Caller | undefined;
  /** The caller as the database says; null when session or token have ended or the account is disabled. @throws DatabaseUnavailable */
  ask(userId: string, by: Proof): Promise<Caller | null>;
}

interface Known {
  /** By `performance.now()`: the answer is no older than this. */
  askedAt: number;
  answer: Promise<Caller | null>;
  caller?: Caller;
}

/** Milliseconds that knowledge of a caller may be old before the database is asked again: with the asking, a second. */
const FRESH_FOR = 900;
const PEOPLE = 20_000;
const PROOFS_EACH = 100;

/**
 * Keeps callers in memory for as long as the change feed vouches for them: forgotten at the first change of their account, and asked
 * for again when the feed has been silent for a second. Nobody is known who was not asked for.
 */
export function createKnownCallers(database: Database, feed: ChangeFeed): KnownCallers {
  const people = new LRUCache<string, Map<string, Known>>({ max: PEOPLE });
  // An answer under way ends in a map that nobody reads any more: what was forgotten is not learnt from before.
  feed.onChange((userId) => (userId === null ? people.clear() : people.delete(userId)));

  return {
    recall(userId, proofId) {
      const known = people.get(userId)?.get(proofId);
      return known?.caller && isFresh(Math.max(known.askedAt, feed.toldUntil)) ? known.caller : undefined;
    },
    async ask(userId, by) {
      const id = 'tokenId' in by ? by.tokenId : by.sessionId;
      const proofs = people.get(userId) ?? new Map<string, Known>();
      people.set(userId, proofs);
      const before = proofs.get(id);
      if (before && isFresh(before.askedAt)) return before.answer;
      if (proofs.size >= PROOFS_EACH) proofs.clear();
      const known: Known = { askedAt: performance.now(), answer: readCaller(database, userId, by) };
      proofs.set(id, known);
      try {
        const caller = await known.answer;
        if (caller) known.caller = caller;
        return caller;
      } finally {
        if (!known.caller && proofs.get(id) === known) proofs.delete(id);
      }
    },
  };
}

function isFresh(moment: number): boolean {
  return performance.now() - moment < FRESH_FOR;
}

async function readCaller(database: Database, userId: string, by: Proof): Promise<Caller | null> {
  const rows = await ('tokenId' in by
    ? database.rows<Found & { scopes: Scope[] }>(holderOfToken, [by.tokenId, userId])
    : database.rows<Found & { scopes: null }>(holderOfSession, [by.sessionId, userId]));
  const found = rows[0];
  if (!found) return null;
  const { proofId, scopes, ...person } = found;
  if (scopes === null) return Object.freeze({ ...person, sessionId: proofId });
  // An admin's scope is worth something while its owner is one.
  const inForce = Object.freeze(scopes.filter((scope) => scope !== 'admin' || person.isAdmin));
  return Object.freeze({ ...person, isAdmin: grants(inForce, 'admin'), token: Object.freeze({ id: proofId, scopes: inForce }) });
}

type Found = Omit<SessionCaller, 'sessionId' | 'token'> & { proofId: string };

const person = `users.id, users.username, users.full_name as "fullName", users.role = 'admin' as "isAdmin", users.timezone`;

const holderOfSession = `
  select ${person}, sessions.id as "proofId", null as scopes
    from accounts.sessions join accounts.users on users.id = sessions.user_id
   where sessions.id = $1 and users.id = $2 and sessions.ended_at is null and users.is_active`;

const holderOfToken = `
  select ${person}, tokens.id as "proofId", tokens.scopes
    from accounts.access_tokens as tokens join accounts.users on users.id = tokens.user_id
   where tokens.id = $1 and users.id = $2 and tokens.ended_at is null and users.is_active`;
