import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type RawBuilder } from 'kysely';
import type pg from 'pg';
import { translated } from '../platform/postgres/connection-failure.ts';
import { Rejection } from '../rejection.ts';

/** Milliseconds; behind the server's own bound, for a server that no longer answers at all. */
const ANSWER_WITHIN = 35_000;
/** A client that takes nothing for so long has its stream cut: it holds a connection and an old snapshot. In milliseconds. */
const SILENCE = 60_000;
const BATCH = 500;
const MOST_PREPARED = 200;
const fetchBatch: pg.QueryConfig & { query_timeout: number } = { text: `fetch ${BATCH} from batches`, query_timeout: ANSWER_WITHIN };

/** Runs what queries ask. Everything throws DatabaseUnavailable when the database is away. */
export interface ReadDatabase {
  rows<R>(statement: RawBuilder<R>, options?: RunOptions): Promise<R[]>;
  /**
   * The rows in batches, of one snapshot, as they are taken; ends early, without an error, when the signal aborts.
   * @throws Rejection OVERLOADED when so many streams are under way that they would leave too few connections to others
   */
  batches<R>(statement: RawBuilder<R>, signal: AbortSignal): AsyncGenerator<R[]>;
}

export interface RunOptions {
  /** Planned once a connection: for the few statements that run again and again with the same text. */
  prepared?: boolean;
}

/** @param pool a stream holds one of its connections for as long as it lasts */
export function readDatabase(pool: pg.Pool): ReadDatabase {
  const compiler = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  const names = new Map<string, string>();
  const mostStreams = Math.max(1, Math.floor(pool.options.max / 2));
  let streams = 0;

  // A server keeps what is prepared for as long as the connection lasts, so there is an end to it.
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text);
    if (known !== undefined || names.size === MOST_PREPARED) return known;
    const name = `query ${names.size}`;
    names.set(text, name);
    return name;
  };

  return {
    async rows<R>(statement: RawBuilder<R>, { prepared = false }: RunOptions = {}) {
      const { sql: text, parameters } = statement.compile(compiler);
      const name = prepared ? nameOf(text) : undefined;
      const query = { text, values: [...parameters], query_timeout: ANSWER_WITHIN, ...(name !== undefined && { name }) };
      const { rows } = await pool.query(query).catch(rethrow);
      return rows as R[];
    },
    async *batches<R>(statement: RawBuilder<R>, signal: AbortSignal) {
      if (streams === mostStreams) throw new Rejection('OVERLOADED', 'Too many lists are being streamed just now');
      streams++;
      try {
        const { sql: text, parameters } = statement.compile(compiler);
        yield* fetched<R>(pool, { text, values: [...parameters] }, signal);
      } finally {
        streams--;
      }
    },
  };
}

function rethrow(error: unknown): never {
  throw translated(error);
}

async function* fetched<R>(pool: pg.Pool, query: { text: string; values: unknown[] }, signal: AbortSignal): AsyncGenerator<R[]> {
  const client = await pool.connect().catch(rethrow);
  let held = true;
  const release = (usable: boolean) => {
    if (held) client.release(!usable);
    held = false;
  };
  // Whoever waits for a statement that is under way waits no longer; the server gives it up when it next has something to send.
  const cut = () => release(false);
  signal.addEventListener('abort', cut, { once: true });
  try {
    if (signal.aborted) return;
    await client.query(`begin read only; set local idle_in_transaction_session_timeout = ${SILENCE}`);
    await client.query({ ...query, text: `declare batches no scroll cursor for ${query.text}` });
    for (;;) {
      const { rows } = await client.query(fetchBatch);
      if (rows.length > 0) yield rows as R[];
      if (rows.length < BATCH) break;
    }
    await client.query('commit');
    release(true);
  } catch (error) {
    if (!signal.aborted) throw translated(error);
  } finally {
    signal.removeEventListener('abort', cut);
    release(false);
  }
}
