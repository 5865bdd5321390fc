import { createSecretKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { translated } from '../../platform/postgres/connection-failure.ts';
import type { WrappedKey } from '../store/event-store.ts';
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
  /** The one lasting key of a person, made and kept at the first call. */
  ofPerson(subject: string): Promise<DataKey>;
}

export function createKeyVault(pool: pg.Pool, masterKey: string): KeyVault {
  const master = deriveKey(masterKey, 'data keys');
  const cache = new LRUCache<string, KeyObject>({ max: CACHED });
  const people = new LRUCache<string, DataKey>({ max: CACHED });

  const query = async (text: string, values: unknown[]): Promise<Row[]> => {
    const { rows } = await pool.query<Row>(text, values).catch((error: unknown) => {
      throw translated(error);
    });
    return rows;
  };

  const unwrap = (row: Row): KeyObject => {
    const key = createSecretKey(open(master, row.wrapped, `${row.id} ${row.subject}`));
    cache.set(row.id, key);
    return key;
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
        const rows = await query('select id, subject, wrapped from event_log.data_keys where id = any($1)', [missing]);
        for (const row of rows) found.set(row.id, unwrap(row));
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
      const [row] = await query('select id, subject, wrapped from event_log.data_keys where subject = $1 order by id limit 1', [subject]);
      const key = { id: row!.id, key: unwrap(row!) };
      people.set(subject, key);
      return key;
    },
  };
}
