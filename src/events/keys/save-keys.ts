import type pg from 'pg';
import { isConnectionFailure, translated } from '../../platform/postgres/connection-failure.ts';
import type { WrappedKey } from '../store/event-store.ts';

interface Waiting {
  keys: readonly WrappedKey[];
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Keeps data keys in `event_log.data_keys` for a store that cannot keep them with the events. Calls that come while a statement is under
 * way go together in the next one. A key that is there already is left as it is. Throws DatabaseUnavailable.
 */
export function createKeySaver(pool: pg.Pool): (keys: readonly WrappedKey[]) => Promise<void> {
  let waiting: Waiting[] = [];
  let saving = false;

  const run = async () => {
    saving = true;
    // All that comes in the same turn of the event loop goes together.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await save(pool, batch);
    }
    saving = false;
  };

  return (keys) =>
    new Promise((resolve, reject) => {
      waiting.push({ keys, resolve, reject });
      if (!saving) void run();
    });
}

/** Never fails as a whole: what the database refuses is tried again one by one, so that it fails alone. */
async function save(pool: pg.Pool, batch: readonly Waiting[]): Promise<void> {
  try {
    const keys = batch.flatMap((waiting) => waiting.keys);
    await pool.query({
      name: 'save_data_keys',
      text: `insert into event_log.data_keys (id, subject, wrapped)
        select * from unnest($1::uuid[], $2::text[], $3::bytea[]) on conflict (id) do nothing`,
      values: [keys.map(({ id }) => id), keys.map(({ subject }) => subject), keys.map(({ wrapped }) => wrapped)],
    });
    for (const { resolve } of batch) resolve();
  } catch (error) {
    if (batch.length > 1 && !isConnectionFailure(error)) for (const waiting of batch) await save(pool, [waiting]);
    else for (const { reject } of batch) reject(translated(error));
  }
}
