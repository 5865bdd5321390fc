import { createSecretKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { translated } from '../../platform/postgres/connection-failure.ts';
import type { WrappedKey } from '../store/event-store.ts';
import { userStream } from '../user/user-events.ts';
import { type DataKey, newKeyBytes } from './data-key.ts';
import { createErasedNames, type ErasedNames } from './erased-names.ts';
import { createKeyWrap, type MasterKeys } from './master-key.ts';

const CACHED = 50_000;

type Row = { id: string; subject: string; wrapped: Buffer };

/** The data keys, wrapped by the master key in the table `event_log.data_keys`. What reads it may throw DatabaseUnavailable. */
export interface KeyVault {
  /** What else is gone with an account: the names by which others mentioned it. */
  erasedNames: ErasedNames;
  /** A new key, not yet kept: hand `wrapped` to the append whose events it seals. */
  create(subject: string): { key: DataKey; wrapped: WrappedKey };
  /** Puts a key of this process's own making where reads find it at once, after its append was acknowledged. */
  remember(key: DataKey): void;
  /**
   * The keys that can be used, by id. Those that are missing have been destroyed, or never came to be, or are there and do not open: the
   * last are left out, or refused where what they sealed must not be taken for erased. @throws KeyUnreadable when they are refused
   */
  load(ids: Iterable<string>, unreadable?: OnUnreadable): Promise<ReadonlyMap<string, KeyObject>>;
  /** The same vault, whose `load` looks keys up on the connections of another pool: background work takes none of those of commands. */
  loadingOn(pool: pg.Pool): KeyVault;
  /** How many keys this process has found that are there and do not open. */
  unreadable(): number;
  /** The one lasting key of a person, made and kept at the first call. @throws KeyDestroyed, KeyUnreadable */
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

/** What becomes of text whose key is there and does not open: it is left out as if it were erased, or the whole is refused. */
export type OnUnreadable = 'redact' | 'refuse';

/** A key is there and does not open: its row is damaged, or another master key wrapped it. What it sealed is not lost. */
export class KeyUnreadable extends Error {
  override name = 'KeyUnreadable';
}

export interface KeyVaultOptions {
  /** Called once for each key that is there and does not open, until it opens again. */
  onUnreadable?(id: string, subject: string): void;
}

/** @param keys or the master key alone */
export function createKeyVault(pool: pg.Pool, keys: MasterKeys | string, { onUnreadable }: KeyVaultOptions = {}): KeyVault {
  const wrap = createKeyWrap(typeof keys === 'string' ? { master: keys } : keys, 'data keys');
  const unreadable = new Set<string>();
  const cache = new LRUCache<string, KeyObject>({ max: CACHED });
  const people = new LRUCache<string, DataKey>({ max: CACHED });
  let forgotten = 0;

  const query = async <Found extends pg.QueryResultRow = Row>(text: string, values: unknown[], on = pool): Promise<Found[]> => {
    const { rows } = await on.query<Found>(text, values).catch((error: unknown) => {
      throw translated(error);
    });
    return rows;
  };

  const names = createErasedNames(query);

  const unwrap = ({ id, subject, wrapped }: Row): KeyObject | null => {
    try {
      const key = createSecretKey(wrap.open(wrapped, `${id} ${subject}`));
      unreadable.delete(id);
      return key;
    } catch {
      // A row that was read before its repair may be looked at after it.
      if (cache.has(id)) return null;
      if (!unreadable.has(id)) onUnreadable?.(id, subject);
      unreadable.add(id);
      return null;
    }
  };

  const forget = (ids: readonly string[], subject: string) => {
    forgotten++;
    people.delete(subject);
    for (const id of ids) {
      cache.delete(id);
      unreadable.delete(id);
    }
  };

  const create: KeyVault['create'] = (subject) => {
    const id = uuidv7();
    const bytes = newKeyBytes();
    const wrapped = { id, subject, wrapped: wrap.seal(bytes, `${id} ${subject}`) };
    return { key: { id, key: createSecretKey(bytes) }, wrapped };
  };

  const loadOn = async (on: pg.Pool, ids: Iterable<string>, onUnreadableKey: OnUnreadable): Promise<Map<string, KeyObject>> => {
    const found = new Map<string, KeyObject>();
    const missing: string[] = [];
    for (const id of ids) {
      const key = cache.get(id);
      if (key) found.set(id, key);
      else missing.push(id);
    }
    if (missing.length === 0) return found;
    const forgottenBefore = forgotten;
    const rows = await query(`select id, subject, wrapped from event_log.data_keys where id = any($1) and wrapped <> ''`, [missing], on);
    for (const row of rows) {
      const key = unwrap(row);
      if (key === null && onUnreadableKey === 'refuse') throw unreadableKey(row);
      if (key === null) continue;
      found.set(row.id, key);
      // What was forgotten meanwhile may be what was just read.
      if (forgotten === forgottenBefore) cache.set(row.id, key);
    }
    return found;
  };

  const vault: KeyVault = {
    erasedNames: names,
    create,
    remember: ({ id, key }) => void cache.set(id, key),
    unreadable: () => unreadable.size,
    load: (ids, onUnreadableKey = 'redact') => loadOn(pool, ids, onUnreadableKey),
    loadingOn: (other) => ({ ...vault, load: (ids, onUnreadableKey = 'redact') => loadOn(other, ids, onUnreadableKey) }),
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
      const unwrapped = unwrap(row!);
      if (unwrapped === null) throw unreadableKey(row!);
      const key = { id: row!.id, key: unwrapped };
      if (forgotten === forgottenBefore) {
        people.set(subject, key);
        cache.set(key.id, key.key);
      }
      return key;
    },
    async destroyOfPerson(personId) {
      const subject = userStream(personId);
      names.forget(personId);
      const rows = await query(`select event_log.destroy_key_of_person($1, $2) as id, $3 as subject, ''::bytea as wrapped`, [
        uuidv7(),
        personId,
        subject,
      ]);
      forget([rows[0]!.id], subject);
    },
    async destroy(ids, personId) {
      await query('select event_log.destroy_keys($1, $2)', [ids, personId]);
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
      names.forget(personId);
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
  return vault;
}

function unreadableKey({ id, subject }: Row): KeyUnreadable {
  return new KeyUnreadable(`The data key ${id} of ${subject} is there and does not open`);
}
