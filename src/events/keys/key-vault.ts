import { createSecretKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { translated } from '../../platform/postgres/connection-failure.ts';
import type { WrappedKey } from '../store/event-store.ts';
import { userStream } from '../user/user-events.ts';
import { type DataKey, deriveKey, newKeyBytes, open, seal } from './data-key.ts';

const CACHED = 50_000;

type Row = { id: string; subject: string; wrapped: Buffer };

/** The data keys, wrapped by the master key in the table `event_log.data_keys`. What reads it may throw DatabaseUnavailable. */
export interface KeyVault {
  /** A new key, not yet kept: hand `wrapped` to the append whose events it seals. */
  create(subject: string): { key: DataKey; wrapped: WrappedKey };
  /** Puts a key of this process's own making where reads find it at once, after its append was acknowledged. */
  remember(key: DataKey): void;
  /** The keys that are still there, by id; those that are missing have been destroyed, or never came to be. */
  load(ids: Iterable<string>): Promise<ReadonlyMap<string, KeyObject>>;
  /** The one lasting key of a person, made and kept at the first call. @throws KeyDestroyed */
  ofPerson(subject: string): Promise<DataKey>;
  /** Destroys the key of a person, and sees to it that there will never be another one. May be done again. */
  destroyOfPerson(personId: string): Promise<void>;
  /** Destroys keys of tasks that go with a person's account. May be done again. */
  destroy(ids: readonly string[], personId: string): Promise<void>;
  /** Those of these people whose key is there. */
  keptOf(personIds: readonly string[]): Promise<string[]>;
  /** Lets go of what was destroyed for a person, by whichever instance; null for whatever may have been. */
  letGo(personId: string | null): Promise<void>;
}

/** The person whose key is asked for is erased. */
export class KeyDestroyed extends Error {
  override name = 'KeyDestroyed';
}

export function createKeyVault(pool: pg.Pool, masterKey: string): KeyVault {
  const master = deriveKey(masterKey, 'data keys');
  const cache = new LRUCache<string, KeyObject>({ max: CACHED });
  const people = new LRUCache<string, DataKey>({ max: CACHED });
  let forgotten = 0;

  const query = async (text: string, values: unknown[]): Promise<Row[]> => {
    const { rows } = await pool.query<Row>(text, values).catch((error: unknown) => {
      throw translated(error);
    });
    return rows;
  };

  const unwrap = (row: Row): KeyObject => createSecretKey(open(master, row.wrapped, `${row.id} ${row.subject}`));

  const forget = (ids: readonly string[], subject: string) => {
    forgotten++;
    people.delete(subject);
    for (const id of ids) cache.delete(id);
  };

  const create: KeyVault['create'] = (subject) => {
    const id = uuidv7();
    const bytes = newKeyBytes();
    const wrapped = { id, subject, wrapped: seal(master, bytes, `${id} ${subject}`) };
    return { key: { id, key: createSecretKey(bytes) }, wrapped };
  };

  return {
    create,
    remember: ({ id, key }) => void cache.set(id, key),
    async load(ids) {
      const found = new Map<string, KeyObject>();
      const missing: string[] = [];
      for (const id of ids) {
        const key = cache.get(id);
        if (key) found.set(id, key);
        else missing.push(id);
      }
      if (missing.length > 0) {
        const forgottenBefore = forgotten;
        const rows = await query(`select id, subject, wrapped from event_log.data_keys where id = any($1) and wrapped <> ''`, [missing]);
        for (const row of rows) {
          const key = unwrap(row);
          found.set(row.id, key);
          // What was forgotten meanwhile may be what was just read.
          if (forgotten === forgottenBefore) cache.set(row.id, key);
        }
      }
      return found;
    },
    async ofPerson(subject) {
      const known = people.get(subject);
      if (known) return known;
      // Two instances may make one at once: the unique index on people's subjects lets one of them win, and both read that one.
      const { wrapped } = create(subject);
      await query('insert into event_log.data_keys (id, subject, wrapped) values ($1, $2, $3) on conflict do nothing', [
        wrapped.id,
        subject,
        wrapped.wrapped,
      ]);
      const forgottenBefore = forgotten;
      const [row] = await query('select id, subject, wrapped from event_log.data_keys where subject = $1 order by id limit 1', [subject]);
      if (row!.wrapped.length === 0) throw new KeyDestroyed(`The key of ${subject} is destroyed`);
      const key = { id: row!.id, key: unwrap(row!) };
      if (forgotten === forgottenBefore) {
        people.set(subject, key);
        cache.set(key.id, key.key);
      }
      return key;
    },
    async destroyOfPerson(personId) {
      const subject = userStream(personId);
      const rows = await query(
        `insert into event_log.data_keys (id, subject, wrapped, destroyed_for) values ($1, $2, '', $3)
         on conflict (subject) where starts_with(subject, 'user-') do update set wrapped = '', destroyed_for = $3 returning id, subject, wrapped`,
        [uuidv7(), subject, personId],
      );
      forget([rows[0]!.id], subject);
    },
    async destroy(ids, personId) {
      await query(`update event_log.data_keys set wrapped = '', destroyed_for = $2 where id = any($1)`, [ids, personId]);
      forget(ids, userStream(personId));
    },
    async keptOf(personIds) {
      const rows = await query(
        `select id, subject, wrapped from event_log.data_keys where subject = any($1) and starts_with(subject, 'user-') and wrapped <> ''`,
        [personIds.map(userStream)],
      );
      return rows.map(({ subject }) => subject.slice('user-'.length));
    },
    async letGo(personId) {
      const everything = () => {
        forgotten++;
        cache.clear();
        people.clear();
      };
      if (personId === null) return everything();
      try {
        const rows = await query('select id, subject, wrapped from event_log.data_keys where destroyed_for = $1', [personId]);
        if (rows.length > 0)
          forget(
            rows.map(({ id }) => id),
            userStream(personId),
          );
      } catch (error) {
        everything();
        throw error;
      }
    },
  };
}
