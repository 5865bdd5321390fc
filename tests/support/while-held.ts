import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';

const TIMEOUT_MS = 10_000;

/**
 * Holds rows that a statement locks while works are begun one after another, each when the one before waits for a lock; then lets go.
 * @returns how each ended
 */
export async function whileHeld(pool: pg.Pool, lock: string, values: unknown[], works: (() => Promise<unknown>)[]) {
  const client = await pool.connect();
  const waiting = async () => {
    const { rows } = await pool.query(
      `select count(*)::integer as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows[0].count as number;
  };
  try {
    await client.query('begin');
    await client.query(lock, values);
    const begun: Promise<unknown>[] = [];
    for (const work of works) {
      const one = work();
      one.catch(() => {});
      begun.push(one);
      for (const end = performance.now() + TIMEOUT_MS; (await waiting()) < begun.length; await pause(5))
        if (performance.now() > end) throw new Error(`${begun.length} works wait for no lock`);
    }
    await client.query('commit');
    return await Promise.allSettled(begun);
  } finally {
    client.release();
  }
}

/** How often PostgreSQL ended a transaction as the victim of a deadlock in this database. */
export async function deadlocks(pool: pg.Pool): Promise<number> {
  await pool.query('select pg_stat_clear_snapshot()');
  const { rows } = await pool.query('select deadlocks::integer as count from pg_stat_database where datname = current_database()');
  return rows[0].count;
}
