import type pg from 'pg';
import type { Place, Position, ReadStream, StoredEvent } from '../event-store.ts';
import { CopyRows, type RowFields } from './copy-rows.ts';
import { translateReadFailure } from './failures.ts';

export interface LogSource {
  pool: pg.Pool;
  /** Milliseconds to wait for the answer to one query. */
  answerWithin: number;
}

/** Rows at most of one answer of the database. */
const PAGE = 2_000;

/** The next piece of the global order. */
export interface Page {
  events: StoredEvent[];
  /** Whether there was nothing after it. */
  last: boolean;
}

/**
 * Reads the events after a position: at most so many, and no more once so many bytes have come (but one event at least).
 * @throws StoreUnavailable
 */
export async function readPage(source: LogSource, after: Position, limit: number, bytes = Infinity): Promise<Page> {
  const events: StoredEvent[] = [];
  let rows = 0;
  let size = 0;
  const text = `copy (select position, revision, stream, id::text, type, metadata, data from event_log.events
    where position > ${after} order by position limit ${limit}) to stdout (format binary)`;
  await copyRows(source, text, (fields) => {
    rows++;
    if (size >= bytes) return;
    const event = toEvent(fields);
    size += event.metadata.length + event.data.length;
    events.push(event);
  });
  return { events, last: rows < limit && events.length === rows };
}

/** The next events of the global order, fewer than the limit only at the end. @throws StoreUnavailable */
export async function readAll(source: LogSource, after: Position, limit: number): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  while (events.length < limit) {
    const page = await readPage(source, events.at(-1)?.position ?? after, Math.min(limit - events.length, PAGE));
    events.push(...page.events);
    if (page.last) break;
  }
  return events;
}

/** @throws StoreUnavailable */
export async function readStream(
  source: LogSource,
  stream: string,
  { from, direction = 'forwards', limit = Infinity }: ReadStream,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  const step = direction === 'forwards' ? 1 : -1;
  let next = from ?? (direction === 'forwards' ? 0 : Number.MAX_SAFE_INTEGER);
  while (events.length < limit && next >= 0) {
    const wanted = Math.min(limit - events.length, PAGE);
    const page = await readStreamPage(source, direction, [stream, next, wanted]);
    events.push(...page);
    if (page.length < wanted) break;
    next = page.at(-1)!.revision + step;
  }
  return events;
}

/** The events at these places, in global order. @throws StoreUnavailable */
export async function readEvents(source: LogSource, places: readonly Place[]): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let at = 0; at < places.length; at += PAGE) {
    const positions = places.slice(at, at + PAGE).map(({ position }) => position.toString());
    events.push(...(await readRows(source, { ...atPositions, values: [positions] })));
  }
  return events.sort((a, b) => (a.position < b.position ? -1 : 1));
}

/** The position of the last event, 0 when there is none. @throws StoreUnavailable */
export async function readHead(source: LogSource): Promise<Position> {
  const text = 'select position from event_log.events order by position desc limit 1';
  const { rows } = await query<[string]>(source, { name: 'event_log_head', text, values: [] });
  return BigInt(rows[0]?.[0] ?? 0);
}

/** The identity that the log was made with. @throws StoreUnavailable */
export async function readLogId(source: LogSource): Promise<string> {
  const { rows } = await query<[string]>(source, { text: 'select log_id from event_log.log', values: [] });
  return rows[0]![0];
}

// They may be planned while the log is empty, and kept; that they use the indexes even then is tested.
const ofStream = `select position, revision, stream, id, type, metadata, data from event_log.events
  where origin = (select position from event_log.events where stream = $1 and revision = 0)`;
const atPositions = {
  name: 'event_log_places',
  text: 'select position, revision, stream, id, type, metadata, data from event_log.events where position = any($1::bigint[])',
};
const streamPages = {
  forwards: { name: 'event_log_forwards', text: `${ofStream} and revision >= $2::bigint order by revision limit $3` },
  backwards: { name: 'event_log_backwards', text: `${ofStream} and revision <= $2::bigint order by revision desc limit $3` },
};

async function readStreamPage(source: LogSource, direction: keyof typeof streamPages, values: unknown[]): Promise<StoredEvent[]> {
  return readRows(source, { ...streamPages[direction], values });
}

async function readRows(source: LogSource, config: { name: string; text: string; values: unknown[] }): Promise<StoredEvent[]> {
  const { rows } = await query<[string, number, string, string, string, Buffer, Buffer]>(source, config);
  return rows.map(([position, revision, stream, id, type, metadata, data]) => ({
    ...{ stream, revision, position: BigInt(position) },
    ...{ id, type, metadata, data },
  }));
}

async function query<Row extends unknown[]>(
  source: LogSource,
  config: { name?: string; text: string; values: unknown[] },
): Promise<{ rows: Row[] }> {
  try {
    return await source.pool.query<Row>({ ...config, rowMode: 'array', query_timeout: source.answerWithin } as pg.QueryArrayConfig);
  } catch (error) {
    throw translateReadFailure(error);
  }
}

async function copyRows(source: LogSource, text: string, onRow: (fields: RowFields) => void): Promise<void> {
  let failure: unknown;
  const client = await source.pool.connect().catch((error) => {
    throw translateReadFailure(error);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const done = (error: unknown) => (error ? reject(error) : resolve());
      client.query(new CopyRows(text, onRow, { answerWithin: source.answerWithin, done }));
    });
  } catch (error) {
    failure = error;
    throw translateReadFailure(error);
  } finally {
    client.release(failure !== undefined);
  }
}

function toEvent(fields: RowFields): StoredEvent {
  const position = fields.bigint();
  const revision = fields.integer();
  const stream = fields.ascii();
  return { stream, revision, position, id: fields.ascii(), type: fields.ascii(), metadata: fields.bytes(), data: fields.bytes() };
}
