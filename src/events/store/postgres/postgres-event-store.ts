import type pg from 'pg';
import { createPool } from '../../../platform/postgres/pool.ts';
import { type Append, type Appended, BEGINNING, type EventStore, WrongExpectedRevision } from '../event-store.ts';
import { AppendLane } from './append-lane.ts';
import { type QueueLimits, queueLimits } from './append-queue.ts';
import { type LogSource, readAll, readEvents, readHead, readLogId, readPage, readStream } from './read-log.ts';
import { createRecentEvents } from './recent-events.ts';
import { sharedWhileUnderWay, subscribe } from './subscription.ts';
import { WakeUps } from './wake-ups.ts';
import { requireWellFormed } from './well-formed.ts';

export interface PostgresEventStoreOptions {
  connectionString: string;
  /** For reading streams and the head. Left out, the store has one of its own. */
  pool?: pg.Pool;
  /** For reading the log in its order, which no command waits for. The same, when left out. */
  logPool?: pg.Pool;
  log: (line: string) => void;
  /** Milliseconds after which a call without an answer counts as lost: 10,000 when left out. */
  answerWithin?: number;
  /** Milliseconds for which an append that failed is tried again before its caller hears of it: 5,000 when left out. */
  patience?: number;
  queue?: Partial<QueueLimits>;
}

/**
 * The event store in PostgreSQL. Its schema must be there: `eventLogMigrations` make it. Beside the pool it has two connections of its
 * own: one appends, one wakes subscribers. @throws StoreUnavailable
 */
export async function createPostgresEventStore(options: PostgresEventStoreOptions): Promise<EventStore> {
  const { connectionString, log, answerWithin = 10_000, patience = 5_000 } = options;
  const pool = options.pool ?? createPool(connectionString, { max: 8, applicationName: 'tasktrail events', onError: () => {} });
  const closePool = async () => {
    if (!options.pool) await pool.end();
  };
  const source = { pool, answerWithin };
  const wholeLog = { pool: options.logPool ?? pool, answerWithin };
  const logId = await readLogId(source).catch(async (error) => {
    await closePool();
    throw error;
  });
  const recent = createRecentEvents();
  const wakeUps = new WakeUps({ connectionString, answerWithin: Math.min(answerWithin, 5_000), log, onForeign: recent.forget });
  const limits = { ...queueLimits, ...options.queue };
  const onWritten = () => wakeUps.wake();
  const lane = new AppendLane({ connectionString, limits, answerWithin, patience, log, onWritten, onBatch: recent.wrote });
  const readStored = sharedWhileUnderWay((...page) => readPage(wholeLog, ...page));
  const subscriptions = {
    wakeUps,
    log,
    readPage: async (...page: Parameters<typeof readStored>) => recent.page(...page) ?? readStored(...page),
  };
  const closing = new AbortController();
  const close = async () => {
    closing.abort();
    await lane.close();
    await wakeUps.close();
    await closePool();
  };
  let closed: Promise<void> | undefined;
  return {
    logId,
    async append(append) {
      requireWellFormed(append);
      return append.events.length === 0 ? confirm(source, append) : lane.append(append);
    },
    readStream: (stream, range = {}) => readStream(source, stream, range),
    readEvents: (places) => readEvents(wholeLog, places),
    readAll: ({ after, limit }) => readAll(wholeLog, after, limit),
    subscribe: ({ after, signal }) => subscribe(subscriptions, after, AbortSignal.any([signal, closing.signal])),
    head: () => readHead(source),
    end: () => readHead(source),
    currentLogId: () => readLogId(source),
    // No other application writes to its tables: what is wrong in them was tampered with.
    incidents: async () => ({ foreignEvents: 0, missingStreams: [] }),
    close: () => (closed ??= close()),
  };
}

/** Where a stream stands that nothing is to be appended to. */
async function confirm(source: LogSource, { stream, expectedRevision }: Append): Promise<Appended> {
  const [last] = await readStream(source, stream, { direction: 'backwards', limit: 1 });
  const actual = last?.revision ?? 'no_stream';
  if (actual !== expectedRevision) throw new WrongExpectedRevision(stream, expectedRevision, actual);
  return { revision: last?.revision ?? -1, position: last?.position ?? BEGINNING };
}
