import type pg from 'pg';
import { createKeyWrap, type MasterKeys } from '../keys/master-key.ts';
import type { EventMetadata } from '../metadata.ts';
import type { EventStore, Position, StoredEvent } from '../store/event-store.ts';

/** Holds the data keys against the log that they seal. */
export interface KeysCheck {
  /** The next events of the log. @returns what is wrong with keys that they are the first to name */
  add(events: readonly StoredEvent[]): Promise<string[]>;
  /** @returns what the whole log does not explain: keys that are missing without an erasure, or are there in spite of one */
  finish(): Promise<string[]>;
}

export interface KeysCheckDependencies {
  pool: pg.Pool;
  keys: MasterKeys;
  store: Pick<EventStore, 'readStream'>;
}

interface MissingKey {
  id: string;
  subject: string;
  position: Position;
}

interface KeyRow {
  id: string;
  subject: string;
  wrapped: Buffer;
}

/** Of a stream, the newest of which are looked through for an erasure that came while the log was being read. */
const LAST_EVENTS = 50;

/**
 * A key may be missing only where the log tells of the erasure of its person, or of its task with one: everything else is a loss. Keeps
 * about 100 bytes for each key. All may throw what pg and the store throw.
 */
export function createKeysCheck({ pool, keys, store }: KeysCheckDependencies): KeysCheck {
  const wrap = createKeyWrap(keys, 'data keys');
  const seen = new Set<string>();
  const erased = new Set<string>();
  const missing: MissingKey[] = [];

  const opens = ({ id, subject, wrapped }: KeyRow): boolean => {
    try {
      wrap.open(wrapped, `${id} ${subject}`);
      return true;
    } catch {
      return false;
    }
  };

  const wasErasedSince = async (subject: string): Promise<boolean> => {
    const last = await store.readStream(subject, { direction: 'backwards', limit: LAST_EVENTS });
    return last.some(isErasure);
  };

  return {
    async add(events) {
      const first = new Map<string, MissingKey>();
      for (const event of events) {
        if (isErasure(event)) erased.add(event.stream);
        for (const key of keysNamedBy(event)) {
          if (!seen.has(key.id)) first.set(key.id, key);
          seen.add(key.id);
        }
      }
      if (first.size === 0) return [];
      const { rows } = await pool.query<KeyRow>('select id, subject, wrapped from event_log.data_keys where id = any($1)', [
        [...first.keys()],
      ]);
      const kept = new Map(rows.map((row) => [row.id, row]));
      const faults: string[] = [];
      for (const key of first.values()) {
        const row = kept.get(key.id);
        if (row === undefined || row.wrapped.length === 0) missing.push({ ...key, subject: row?.subject ?? key.subject });
        else if (!opens(row)) faults.push(`position ${key.position}: the data key ${row.id} of ${row.subject} does not open`);
      }
      return faults;
    },
    async finish() {
      const faults: string[] = [];
      for (const { id, subject, position } of missing) {
        if (erased.has(subject) || (await wasErasedSince(subject))) continue;
        faults.push(
          `position ${position}: the data key ${id} of ${subject} is missing, and no erasure in the log explains it: its text is lost`,
        );
      }
      return [...faults, ...(await keysThatAreBack(pool, erased))];
    },
  };
}

/** While an erasure is under way, keys that it destroys last are still there. */
async function keysThatAreBack(pool: pg.Pool, erased: ReadonlySet<string>): Promise<string[]> {
  const { rows } = await pool.query<{ id: string; subject: string }>(
    `select id, subject from event_log.data_keys
     where subject = any($1) and wrapped <> '' and not exists (select from accounts.erasures where done_at is null)`,
    [[...erased]],
  );
  return rows.map(
    ({ id, subject }) =>
      `the data key ${id} of ${subject} is there, although the log tells of its erasure: start the service, which repeats it`,
  );
}

function isErasure({ type, data }: StoredEvent): boolean {
  if (type === 'UserErased' || type === 'UserErasureRequested') return true;
  return type === 'TaskDeleted' && (parsed(data) as { reason?: unknown } | null)?.reason === 'erased';
}

/** A comment is sealed by the key of who wrote it, everything else by the task's. */
function keysNamedBy({ stream, type, metadata, position }: StoredEvent): MissingKey[] {
  const read = parsed(metadata) as EventMetadata | null;
  const subject = type.startsWith('Comment') ? `user-${read?.actor?.id}` : stream;
  return (Array.isArray(read?.key_ids) ? read.key_ids : []).map((id) => ({ id, subject, position }));
}

/** What was tampered with is named by the chain. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}
