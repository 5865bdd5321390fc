import pg from 'pg';

const PING_MS = 1_500;
/** A holder that is silent for so long has its connection ended by the server, and with it the lock. */
const SILENCE_MS = 6_000;

/** The server no longer knows the holder of a lock, and another instance may take it. */
export class LockLost extends Error {
  override name = 'LockLost';
  constructor(lock: string, cause: unknown) {
    super(`The lock "${lock}" was lost: ${(cause as Error | undefined)?.message ?? 'the server ended its connection'}`, { cause });
  }
}

/** The right to be the one that does something on behalf of all instances, held on a connection of its own. */
export interface WriterLock {
  /** Aborts when the lock is lost, with a LockLost as its reason. */
  lost: AbortSignal;
  release(): Promise<void>;
}

/** Tries once. @returns null when another process holds it. */
export async function tryWriterLock(connectionString: string, name: string): Promise<WriterLock | null> {
  const client = new pg.Client({
    connectionString,
    application_name: `tasktrail lock ${name}`,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  const lost = new AbortController();
  const lose = (cause?: unknown) => lost.abort(new LockLost(name, cause));
  client.on('error', lose);
  client.on('end', () => lose());
  await client.connect();
  try {
    await client.query(`set idle_session_timeout = ${SILENCE_MS}`);
    const { rows } = await client.query(`select pg_try_advisory_lock(hashtextextended('write ' || $1, 0)) as held`, [name]);
    if (!rows[0].held) {
      await client.end();
      return null;
    }
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  const ping = setInterval(() => client.query('select').catch(lose), PING_MS);
  lost.signal.addEventListener('abort', () => clearInterval(ping));
  return {
    lost: lost.signal,
    async release() {
      clearInterval(ping);
      await client.end().catch(() => {});
    },
  };
}
