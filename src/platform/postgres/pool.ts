import pg from 'pg';

export type PoolOptions = {
  /** Connections at most. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Hears of connections that broke while no query was waiting on them. They are replaced by themselves. */
  readonly onError: (error: Error) => void;
  /** Milliseconds a statement may take before the server cancels it; 0 for no bound. */
  readonly statementTimeout?: number;
  /** Milliseconds to wait for a connection, whether the server is slow to answer or all are taken. */
  readonly connectTimeout?: number;
};

/** Milliseconds that a statement may take on a pool that sets no other limit. */
export const STATEMENT_TIMEOUT_MS = 30_000;

/**
 * A pool of connections. Numbers of 64 bits (int8) come as strings, for a Number would round them. A lost connection fails the query
 * that was using it and nothing else, the process least of all.
 */
export function createPool(connectionString: string, options: PoolOptions): pg.Pool {
  const { max, applicationName, onError, statementTimeout = STATEMENT_TIMEOUT_MS, connectTimeout = 5_000 } = options;
  const pool = new pg.Pool({
    connectionString,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
    statement_timeout: statementTimeout,
    // A client frozen in the midst of a transaction must not hold its locks for ever.
    idle_in_transaction_session_timeout: 30_000,
    // What is read is in memory, or on a disk that finds a page here as fast as there: plans for disks that turn read whole tables instead.
    options: '-c random_page_cost=1.1',
  });
  // pg hands an error of an idle client to the pool, and lets one of a client that is checked out between two queries go uncaught.
  pool.on('connect', (client) => client.on('error', onError));
  pool.on('error', () => {});
  return pool;
}
