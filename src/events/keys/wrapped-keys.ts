import type pg from 'pg';
import type { WrappedKey } from '../store/event-store.ts';
import { createKeyWrap, type MasterKeys } from './master-key.ts';

const PAGE = 1_000;

/** Another key than the one to be kept is there already, and events are sealed by it. */
export class KeyTaken extends Error {
  override name = 'KeyTaken';
}

/** All data keys, page by page, as they are kept. */
export async function* readWrappedKeys(pool: pg.Pool): AsyncGenerator<WrappedKey[]> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows } = await pool.query<WrappedKey>(
      'select id, subject, wrapped from event_log.data_keys where id > $1 order by id limit $2',
      [after, PAGE],
    );
    if (rows.length > 0) yield rows;
    if (rows.length < PAGE) return;
    after = rows.at(-1)!.id;
  }
}

/** Keeps data keys that were made elsewhere; those that are there already are the same. @throws KeyTaken */
export async function writeWrappedKeys(pool: pg.Pool, keys: readonly WrappedKey[]): Promise<void> {
  const ids = keys.map(({ id }) => id);
  await pool.query(
    `insert into event_log.data_keys (id, subject, wrapped)
     select * from unnest($1::uuid[], $2::text[], $3::bytea[]) on conflict do nothing`,
    [ids, keys.map(({ subject }) => subject), keys.map(({ wrapped }) => wrapped)],
  );
  const { rows } = await pool.query<{ kept: number }>('select count(*)::integer as kept from event_log.data_keys where id = any($1)', [
    ids,
  ]);
  if (rows[0]!.kept !== new Set(ids).size) throw new KeyTaken('Somebody whose data key was to be kept has another one here already');
}

/** Whether a data key was wrapped by one of these master keys; of one that was destroyed, nothing says that it was not. */
export function isWrappedBy(keys: MasterKeys, { id, subject, wrapped }: WrappedKey): boolean {
  if (wrapped.length === 0) return true;
  try {
    createKeyWrap(keys, 'data keys').open(wrapped, `${id} ${subject}`);
    return true;
  } catch {
    return false;
  }
}
