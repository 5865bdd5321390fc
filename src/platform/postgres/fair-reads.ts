import type pg from 'pg';
import { createPlaces, NoPlaceFree, type PlaceLimits, RequestAborted } from '../places.ts';
import { isConnectionFailure, isStatementCancelled, translated } from './connection-failure.ts';

/** On whose behalf the database is read. */
export interface Requester {
  /** Null for one who has not signed in: then the address counts. */
  userId: string | null;
  ip: string;
  /** Aborts when the client has disconnected. */
  signal: AbortSignal;
}

/** As many reads as one requester may have are running and waiting. */
export class TooManyReads extends Error {
  override name = 'TooManyReads';
}

/** A statement took longer than a read may. */
export class QueryTooSlow extends Error {
  override name = 'QueryTooSlow';
  /** Seconds. */
  readonly limit: number;
  constructor(limitMs: number) {
    super(`the statement did not end within ${limitMs / 1_000} s`);
    this.limit = limitMs / 1_000;
  }
}

export interface FairReads {
  /**
   * Runs one statement in one of the requester's places; ends it in the database when the client disconnects.
   * @throws TooManyReads, QueryTooSlow, RequestAborted, DatabaseUnavailable
   */
  query<R>(requester: Requester, statement: pg.QueryConfig): Promise<R[]>;
  /**
   * Does what else reads on the requester's behalf, from the log for example, in one of the same places. It must not read through `query`
   * itself: with all places taken by such work, none of it could go on.
   * @throws TooManyReads, RequestAborted
   */
  inPlace<T>(requester: Requester, work: () => Promise<T>): Promise<T>;
}

/** Milliseconds that one statement of a read may take; the pool of the reads sets it on the server. */
export const READ_TIMEOUT_MS = 5_000;
/** Behind the server's own limit, for a server that does not answer at all. */
const ANSWER_TIMEOUT_MS = READ_TIMEOUT_MS + 3_000;

const FULL = 'As many reads as one user may have are running and waiting; wait for some of them';
const WAITED = 'As many reads as one user may have are running, and none of them ended in time; try again shortly';

export const readLimits: PlaceLimits = { maxRunning: 4, maxWaiting: 16, waitTimeoutMs: 2_000 };

/**
 * Reads in which no requester takes the places of another.
 * @param control has a connection free when all of `pool` are in use: statements are cancelled on it
 */
export function createFairReads(pool: pg.Pool, control: Pick<pg.Pool, 'query'>, limits: PlaceLimits = readLimits): FairReads {
  const places = createPlaces(limits);

  async function inPlace<T>(requester: Requester, work: () => Promise<T>): Promise<T> {
    const giveBack = await places.take(placesOf(requester), requester.signal).catch((error: unknown) => {
      throw error instanceof NoPlaceFree ? new TooManyReads(error.hasWaited ? WAITED : FULL) : error;
    });
    try {
      return await work();
    } finally {
      giveBack();
    }
  }

  return {
    inPlace,
    query: <R>(requester: Requester, statement: pg.QueryConfig) =>
      inPlace(requester, async () => {
        const limited = { ...statement, query_timeout: ANSWER_TIMEOUT_MS } as pg.QueryConfig;
        return (await runCancellable(pool, control, limited, requester.signal)) as R[];
      }),
  };
}

/** The key of a requester's places. */
export function placesOf({ userId, ip }: Requester): string {
  return userId === null ? `address ${ip}` : `user ${userId}`;
}

async function runCancellable(
  pool: pg.Pool,
  control: Pick<pg.Pool, 'query'>,
  statement: pg.QueryConfig,
  signal: AbortSignal,
): Promise<unknown[]> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translated(error);
  });
  let cancelling: Promise<void> | undefined;
  let isUsable = true;
  const cancel = () => {
    cancelling = cancelStatement(control, client);
  };
  signal.addEventListener('abort', cancel, { once: true });
  try {
    if (signal.aborted) throw new RequestAborted('The request was aborted before it was read');
    return (await client.query(statement)).rows;
  } catch (error) {
    isUsable = !isConnectionFailure(error);
    if (signal.aborted) throw new RequestAborted('The request was aborted', { cause: error });
    throw isStatementCancelled(error) ? new QueryTooSlow(READ_TIMEOUT_MS) : translated(error);
  } finally {
    signal.removeEventListener('abort', cancel);
    if (cancelling !== undefined) isUsable = (await settleCancel(client, cancelling)) && isUsable;
    client.release(!isUsable);
  }
}

/** Ends what runs on a connection, if anything does. */
export async function cancelStatement(control: Pick<pg.Pool, 'query'>, client: pg.PoolClient): Promise<void> {
  const { processID } = client as unknown as { processID: number };
  await control.query('select pg_cancel_backend($1)', [processID]);
}

/** A cancellation that arrives late hits this statement and not the next user's. @returns whether the connection is usable */
async function settleCancel(client: pg.PoolClient, cancelling: Promise<void>): Promise<boolean> {
  try {
    await cancelling;
    await client.query('select').catch((error: unknown) => {
      if (!isStatementCancelled(error)) throw error;
    });
    return true;
  } catch {
    return false;
  }
}
