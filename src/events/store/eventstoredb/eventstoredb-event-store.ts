import {
  type Append,
  type Appended,
  BEGINNING,
  type EventStore,
  type LogView,
  StoreUnavailable,
  type WrappedKey,
  WrongExpectedRevision,
} from '../event-store.ts';
import { type KnownLogs, type LogDescription, requireKnownLog } from '../known-logs.ts';
import { requireWellFormed } from '../postgres/well-formed.ts';
import { AppendLane, type LaneLimits, laneLimits } from './append-lane.ts';
import { Connection } from './connection.ts';
import { type ForeignEvent, ForeignEvents } from './foreign-events.ts';
import { LiveTail } from './live-tail.ts';
import { logIdentity, readBeginning, readIdentity } from './log-identity.ts';
import { MissingStreams } from './missing-streams.ts';
import { type Names, namesIn } from './names.ts';
import { readEvents } from './read-events.ts';
import { LogReader, type PageSize } from './read-log.ts';
import { SharedPages } from './shared-pages.ts';
import { subscribe } from './subscription.ts';

export interface EventStoreDbOptions {
  /** `esdb://…`, `esdb+discover://…`, or the same with `kurrentdb`. */
  url: string;
  /** Keeps data keys where the key vault finds them; called, and awaited, before the append that they belong to. */
  saveKeys: (keys: readonly WrappedKey[]) => Promise<void>;
  log: (line: string) => void;
  /** Which streams and events are this store's: those of the service. */
  names?: Names;
  /** Put before the names of all streams instead, for a store that has the namespace to itself. */
  namespace?: string;
  /** Receives each event of another application that a reader came upon, once. */
  onForeign?: (event: ForeignEvent) => void;
  /** Asked after each outage, before anything else is read or sent: whether the log is the right one. Throws when that cannot be found out. */
  isRightLog?: (log: LogView) => Promise<boolean>;
  /** The logs that may be opened, to which one that is begun here is added; every log, when left out. */
  known?: KnownLogs | undefined;
  /** A page of `$all` was read. */
  onPage?: () => void;
  limits?: Partial<EventStoreDbLimits>;
}

export interface EventStoreDbLimits extends LaneLimits {
  /** Milliseconds without a sign of life after which a call is given up and the connection replaced. */
  answerWithin: number;
}

const ANSWER_WITHIN = 5_000;
/** Events of a log that is refused are counted so far: a start that is repeated must not read a long log again and again. */
const MAX_COUNTED = 10_000;
/** What a subscriber that is behind reads at once. */
const PAGE: PageSize = { count: 2_000, bytes: 2 ** 22 };

/**
 * The event store in EventStoreDB. The identity of the log is made when it is not there.
 * @throws StoreUnavailable, and UnknownLog
 */
export async function createEventStoreDb(options: EventStoreDbOptions): Promise<EventStore> {
  const { url, saveKeys, log } = options;
  const limits = { ...laneLimits, answerWithin: ANSWER_WITHIN, ...options.limits };
  const names = options.names ?? namesIn(options.namespace ?? '');
  const view = (connection: Pick<Connection, 'read'>): LogView => {
    const reader = new LogReader({ connection, names, foreign });
    return {
      currentLogId: () => readIdentity(connection, names.logStream),
      end: () => reader.end(),
      readStream: (stream, range) => reader.stream(stream, range),
    };
  };
  const foreign = new ForeignEvents(log, options.onForeign);
  const connection = new Connection({
    url,
    answerWithin: limits.answerWithin,
    log,
    async mayGoOn(reading) {
      const mayGoOn = (await options.isRightLog?.(view(reading))) ?? true;
      for (const remembered of mayGoOn ? [reader, pages, missing] : []) remembered.forget();
      return mayGoOn;
    },
  });
  const reader = new LogReader({ connection, names, foreign, onPage: options.onPage });
  const identify = async () => {
    const { known } = options;
    const id = await logIdentity(connection, names, { onBegin: known?.remember });
    if (known) await requireKnownLog(known, id, () => describe(connection, names, reader));
    return id;
  };
  const logId = await identify().catch(async (error) => {
    await connection.close();
    throw error;
  });
  const missing = new MissingStreams(reader, names, log);
  const pages = new SharedPages((after) => reader.page(after, PAGE));
  const lane = new AppendLane({ connection, reader, namespace: names.namespace, saveKeys, limits });
  const closing = new AbortController();
  let tail: LiveTail | undefined;
  return {
    logId,
    async append(append) {
      requireWellFormed(append);
      return append.events.length === 0 ? confirm(reader, append) : lane.append(append);
    },
    readStream: (stream, range) => reader.stream(stream, range),
    readEvents: (places) => readEvents(reader, places),
    readAll: ({ after, limit }) => reader.all(after, limit),
    subscribe({ after, signal }) {
      tail ??= new LiveTail({ connection, reader, names, log });
      return subscribe({ connection, pages, tail }, after, AbortSignal.any([signal, closing.signal]));
    },
    head: () => reader.head(),
    end: () => reader.end(),
    currentLogId: () => readIdentity(connection, names.logStream),
    incidents: async () => ({ missingStreams: await missing.look(), foreignEvents: foreign.count }),
    async close() {
      closing.abort();
      await lane.close();
      await tail?.close();
      await connection.close();
    },
  };
}

/** @throws StoreUnavailable */
async function describe(connection: Connection, { logStream }: Names, reader: LogReader): Promise<LogDescription> {
  const beginning = await readBeginning(connection, logStream);
  if (!beginning) throw new StoreUnavailable('not_written', new Error('the log lost its identity just now'));
  const found = await reader.all(BEGINNING, MAX_COUNTED);
  const { length } = found;
  return { ...beginning, events: length < MAX_COUNTED ? `${length} event${length === 1 ? '' : 's'}` : `${MAX_COUNTED} events or more` };
}

/** Where a stream stands that nothing is to be appended to. */
async function confirm(reader: LogReader, { stream, expectedRevision }: Append): Promise<Appended> {
  const [last] = await reader.stream(stream, { direction: 'backwards', limit: 1 });
  const actual = last?.revision ?? 'no_stream';
  if (actual !== expectedRevision) throw new WrongExpectedRevision(stream, expectedRevision, actual);
  return { revision: last?.revision ?? -1, position: last?.position ?? BEGINNING };
}
