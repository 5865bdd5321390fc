import { LRUCache } from 'lru-cache';
import { Id } from '../events/values.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { Database } from './database.ts';
import { asciiAddress } from './email-syntax.ts';
import { isUsername } from './username.ts';

/** Somebody by name. After an erasure there is no username, and the name says so. */
export interface Person {
  id: string;
  username: string | null;
  full_name: string;
}

export interface Directory {
  /** Everybody asked for, erased and unknown ones as "Deleted user". */
  people(ids: readonly string[]): Promise<ReadonlyMap<string, Person>>;
  /** The active account of this id or username; null when there is none. */
  findActive(idOrUsername: string): Promise<Person | null>;
  /** Whose address this has been shown to be: one that was only typed proves nothing. The earlier one while a change is pending. */
  findActiveByEmail(email: string): Promise<Person | null>;
  /** The account of this id or username, whether active or not; null for an erased one. */
  find(idOrUsername: string): Promise<(Person & { isActive: boolean }) | null>;
  /** The ids of the active people among these usernames, by username in lower case. */
  idsOf(usernames: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

const CACHED = 20_000;
const FRESH_FOR = 900;

type Row = { id: string; username: string; full_name: string; isActive: boolean };
const columns = 'users.id, users.username, users.full_name, users.is_active as "isActive"';

/** Who people are by name, kept in memory for as long as the change feed vouches for it. All throw DatabaseUnavailable. */
export function createDirectory(database: Database, feed: ChangeFeed): Directory {
  const named = namesInMemory(database, feed);

  const findBy = async (condition: string, value: string) => {
    const [row] = await database.rows<Row>(`select ${columns} from accounts.users where erased_at is null and ${condition}`, [value]);
    return row ?? null;
  };
  const find = async (idOrUsername: string) => {
    if (Id.safeParse(idOrUsername).success) return findBy('id = $1', idOrUsername);
    const username = idOrUsername.toLowerCase();
    return isUsername(username) ? findBy('username = $1', username) : null;
  };

  return {
    people: named,
    find,
    findActive: async (idOrUsername) => ifActive(await find(idOrUsername)),
    findActiveByEmail: async (email) => ifActive(await findBy('lower(email) = lower($1) and email_verified', asciiAddress(email))),
    async idsOf(usernames) {
      if (usernames.length === 0) return new Map();
      const named = 'select id, username from accounts.users where is_active and username = any($1)';
      const rows = await database.rows<{ id: string; username: string }>(named, [usernames.map((name) => name.toLowerCase())]);
      return new Map(rows.map(({ id, username }) => [username, id]));
    },
  };
}

function namesInMemory(database: Database, feed: ChangeFeed): Directory['people'] {
  const cache = new LRUCache<string, { person: Person; askedAt: number }>({ max: CACHED });
  let forgotten = 0;
  feed.onChange((userId) => {
    forgotten++;
    if (userId === null) cache.clear();
    else cache.delete(userId);
  });

  return async (ids) => {
    const found = new Map<string, Person>();
    const missing: string[] = [];
    for (const id of ids) {
      const known = cache.get(id);
      if (known && performance.now() - Math.max(known.askedAt, feed.toldUntil) < FRESH_FOR) found.set(id, known.person);
      else missing.push(id);
    }
    if (missing.length === 0) return found;
    const askedAt = performance.now();
    const forgottenBefore = forgotten;
    for (const person of await readNames(database, missing)) {
      found.set(person.id, person);
      // What was forgotten meanwhile may be what was just read.
      if (forgotten === forgottenBefore) cache.set(person.id, { person, askedAt });
    }
    return found;
  };
}

async function readNames(database: Database, ids: readonly string[]): Promise<Person[]> {
  return database.rows<Person>(
    `select wanted.id, users.username, coalesce(users.full_name, 'Deleted user') as full_name
       from unnest($1::uuid[]) as wanted (id) left join accounts.users on users.id = wanted.id`,
    [ids],
  );
}

function ifActive(row: Row | null): Person | null {
  return row?.isActive ? { id: row.id, username: row.username, full_name: row.full_name } : null;
}
