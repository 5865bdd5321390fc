import type pg from 'pg';
import { translated } from '../platform/postgres/connection-failure.ts';
import { retryingConflicts } from '../platform/postgres/retry-conflicts.ts';

/**
 * Runs statements. One outside of a transaction that loses a deadlock is tried again.
 * @throws DatabaseUnavailable, or the error of PostgreSQL for a statement it refused.
 */
export interface Sql {
  rows<R>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

export interface Database extends Sql {
  /**
   * Commits when `work` succeeds, and takes everything back when it throws. Where the transaction loses a deadlock, `work` is called again:
   * it does nothing beside its statements. The order of locks is in docs/decisions/0036-one-order-of-locks.md.
   */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
}

/** @param answerWithin milliseconds; no caller is kept waiting longer for an answer that a broken connection will never bring */
export function databaseOn(pool: pg.Pool, answerWithin = 10_000): Database {
  const on = (connection: pg.Pool | pg.PoolClient): Sql => ({ rows: (text, values) => rowsOf(connection, answerWithin, text, values) });
  const attempt = async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => {
    const client = await pool.connect().catch(rethrow);
    let broken = true;
    try {
      // An instance frozen in the midst of it must not hold the others' revocations for long.
      await client.query('begin; set local idle_in_transaction_session_timeout = 5000').catch(rethrow);
      const result = await work(on(client));
      await client.query('commit').catch(rethrow);
      broken = false;
      return result;
    } catch (error) {
      broken = await client.query('rollback').then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      client.release(broken);
    }
  };
  return {
    rows: (text, values) => retryingConflicts(() => on(pool).rows(text, values)),
    transaction: (work) => retryingConflicts(() => attempt(work)),
  };
}

async function rowsOf<R>(on: pg.Pool | pg.PoolClient, query_timeout: number, text: string, values: readonly unknown[] = []): Promise<R[]> {
  const query = { text, values: [...values], query_timeout };
  const { rows } = await on.query(query).catch(rethrow);
  return rows as R[];
}

function rethrow(error: unknown): never {
  throw translated(error);
}

/** The name of the unique index that a statement ran against; undefined for any other error. */
export function violatedUniqueness(error: unknown): string | undefined {
  const { code, constraint } = error as { code?: string; constraint?: string };
  return code === '23505' ? constraint : undefined;
}
