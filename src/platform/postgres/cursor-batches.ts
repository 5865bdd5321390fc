import type pg from 'pg';
import { translated } from './connection-failure.ts';
import { cancelStatement, QueryTooSlow } from './fair-reads.ts';

export interface CursorOptions {
  /** The rows end early, without an error, when it aborts. */
  signal: AbortSignal;
  /** Milliseconds for all of it. */
  timeoutMs: number;
}

/** Milliseconds; behind the server's own limit, for a server that does not answer at all. */
const ANSWER_TIMEOUT_MS = 35_000;
/** Milliseconds; for a process that is frozen: a client that does not read has its connection closed long before. */
const IDLE_TIMEOUT_MS = 60_000;
const BATCH_SIZE = 500;
const fetchBatch: pg.QueryConfig & { query_timeout: number } = {
  text: `fetch ${BATCH_SIZE} from batches`,
  query_timeout: ANSWER_TIMEOUT_MS,
};

/**
 * The rows of a statement in batches, of one snapshot, as they are taken. Holds one connection of the pool for as long as it lasts.
 * @param control has a connection free when all of `pool` are in use: what is under way is cancelled on it
 * @throws QueryTooSlow, DatabaseUnavailable
 */
export async function* cursorBatches<R>(
  pool: pg.Pool,
  control: Pick<pg.Pool, 'query'>,
  statement: { text: string; values: unknown[] },
  { signal, timeoutMs }: CursorOptions,
): AsyncGenerator<R[]> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translated(error);
  });
  let isHeld = true;
  const release = (isUsable: boolean) => {
    if (isHeld) client.release(!isUsable);
    isHeld = false;
  };
  let hasTimedOut = false;
  const cut = () =>
    void cancelStatement(control, client).then(
      () => release(false),
      () => release(false),
    );
  const timer = setTimeout(() => {
    hasTimedOut = true;
    cut();
  }, timeoutMs);
  signal.addEventListener('abort', cut, { once: true });
  try {
    if (signal.aborted) return;
    await client.query(`begin read only; set local idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS}`);
    await client.query({ ...statement, text: `declare batches no scroll cursor for ${statement.text}` });
    for (;;) {
      const { rows } = await client.query(fetchBatch);
      if (rows.length > 0) yield rows as R[];
      if (rows.length < BATCH_SIZE) break;
    }
    await client.query('commit');
    release(true);
  } catch (error) {
    if (hasTimedOut) throw new QueryTooSlow(timeoutMs);
    if (!signal.aborted) throw translated(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cut);
    release(false);
  }
}
