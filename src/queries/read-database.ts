import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type RawBuilder } from 'kysely';
import type pg from 'pg';
import { translated } from '../platform/postgres/connection-failure.ts';
import { cursorBatches } from '../platform/postgres/cursor-batches.ts';
import type { ExportKind, Exports } from '../platform/postgres/exports.ts';
import type { FairReads, Requester } from '../platform/postgres/fair-reads.ts';

/** Milliseconds; behind the server's own limit, for a server that does not answer at all. */
const ANSWER_TIMEOUT_MS = 35_000;
const MAX_PREPARED = 200;

/** Runs what queries ask. Everything throws DatabaseUnavailable when the database is away. */
export interface ReadDatabase {
  rows<R>(statement: RawBuilder<R>, options?: RunOptions): Promise<R[]>;
  /** The rows in batches, of one snapshot, as they are taken; ends early, without an error, when the signal aborts. */
  batches<R>(statement: RawBuilder<R>, signal: AbortSignal, kind?: ExportKind): AsyncGenerator<R[]>;
}

export interface RunOptions {
  /** Planned once a connection: for the few statements that run again and again with the same text. */
  prepared?: boolean;
}

/** Where statements go. */
interface Target {
  query<R>(statement: pg.QueryConfig): Promise<R[]>;
  stream<R>(kind: ExportKind, statement: { text: string; values: unknown[] }, signal: AbortSignal): AsyncGenerator<R[]>;
}

/** Reads on the connections of a pool, for no request: nothing but the pool limits them. */
export function readDatabase(pool: pg.Pool): ReadDatabase {
  return createReading()({
    async query<R>(statement: pg.QueryConfig) {
      const { rows } = await pool.query({ ...statement, query_timeout: ANSWER_TIMEOUT_MS } as pg.QueryConfig).catch((error: unknown) => {
        throw translated(error);
      });
      return rows as R[];
    },
    stream: (_, statement, signal) => cursorBatches(pool, pool, statement, { signal, timeoutMs: 600_000 }),
  });
}

/** What requests read through: see `FairReads` and `Exports` for the limits of each requester, and for what they throw. */
export interface RequestReads {
  reads: FairReads;
  exports: Exports;
}

/** Reads on behalf of requests. */
export function requestReadDatabases({ reads, exports }: RequestReads): (requester: Requester) => ReadDatabase {
  const reading = createReading();
  return (requester) =>
    reading({
      query: (statement) => reads.query(requester, statement),
      stream: (kind, statement, signal) => exports.batches(requester, kind, statement, signal),
    });
}

/** @returns what makes a read database of a target: all of them share the names of prepared statements */
function createReading(): (target: Target) => ReadDatabase {
  const compiler = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  const names = new Map<string, string>();

  // A server keeps what is prepared for as long as the connection lasts, so there is an end to it.
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text);
    if (known !== undefined || names.size === MAX_PREPARED) return known;
    const name = `query ${names.size}`;
    names.set(text, name);
    return name;
  };

  return (target) => ({
    rows<R>(statement: RawBuilder<R>, { prepared = false }: RunOptions = {}) {
      const { sql: text, parameters } = statement.compile(compiler);
      const name = prepared ? nameOf(text) : undefined;
      return target.query<R>({ text, values: [...parameters], ...(name !== undefined && { name }) });
    },
    batches<R>(statement: RawBuilder<R>, signal: AbortSignal, kind: ExportKind = 'list') {
      const { sql: text, parameters } = statement.compile(compiler);
      return target.stream<R>(kind, { text, values: [...parameters] }, signal);
    },
  });
}
