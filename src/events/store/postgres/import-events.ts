import type pg from 'pg';
import { asOwnerOf } from '../../../platform/postgres/owner-role.ts';
import type { StoredEvent } from '../event-store.ts';
import { encodeBatch } from './batch.ts';
import { requireWellFormed } from './well-formed.ts';

/** An event whose position is yet to be given. */
type Unpositioned = Omit<StoredEvent, 'position'>;

/** The events are not what may come next in their streams. Nothing was written. */
export class NotNext extends Error {
  override name = 'NotNext';
}

const BATCH_EVENTS = 2_000;
const BATCH_BYTES = 2 ** 23;

/** The inner joins are to be looked up in the indexes, whatever the planner knows of a table that was empty a moment ago. */
const begin = `
  begin;
  set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off;
  select pg_advisory_xact_lock(hashtextextended('event_log.append_batch', 0))`;

const insert = `
  insert into event_log.events (position, origin, revision, stream, id, type, metadata, data)
  select $1::bigint + nth, case when beginning > 0 then $1::bigint + beginning else first.position end,
         event.revision, event.stream, event.id, event.type,
         substring($7::bytea from metadata_start for data_start - metadata_start), substring($7 from data_start for data_end - data_start)
  from unnest($2::text[], $3::integer[], $4::integer[], $5::uuid[], $6::text[], $8::integer[], $9::integer[], $10::integer[])
    with ordinality as event (stream, revision, beginning, id, type, metadata_start, data_start, data_end, nth)
  left join event_log.events first on first.stream = event.stream and first.revision = 0 and event.beginning = 0`;

const misplaced = `
  select stream, revision from event_log.events event
  where position > $1 and revision > 0
    and not exists (
      select from event_log.events before
      where before.origin = event.origin and before.revision = event.revision - 1 and before.position < event.position
    )
  limit 1`;

/**
 * Writes events with the revisions they have, in just the order they come in: for a log that nobody else appends to, where it is many
 * times as fast as appending. A batch is written whole or not at all, and earlier ones stay.
 * @throws NotNext, TypeError for what is not well formed, and what pg throws
 */
export async function importEvents(pool: pg.Pool, events: readonly Unpositioned[]): Promise<void> {
  for (const batch of batches(events)) await writeBatch(pool, batch);
}

/** Lets a log without events have the identity of another, whose events are about to be written to it. No effect on one that has some. */
export async function adoptLogId(pool: pg.Pool, logId: string): Promise<void> {
  await asOwnerOf(pool, 'event_log', (client) =>
    client.query('update event_log.log set log_id = $1 where not exists (select from event_log.events)', [logId]),
  );
}

async function writeBatch(pool: pg.Pool, events: readonly Unpositioned[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(begin);
    const { rows } = await client.query<{ head: string }>(
      `select coalesce((select position from event_log.events order by position desc limit 1), (select first_position - 1 from event_log.log)) as head`,
    );
    const { head } = rows[0]!;
    await client.query(insert, parameters(head, events)).catch(asNotNext);
    const gap = await client.query<{ stream: string; revision: number }>(misplaced, [head]);
    if (gap.rows[0]) throw new NotNext(`Revision ${gap.rows[0].revision} of ${gap.rows[0].stream} does not follow another`);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

/** The head, and of each event: stream, revision, the number of the event in this batch that begins its stream or 0, id, type, bodies. */
function parameters(head: string, events: readonly Unpositioned[]): unknown[] {
  const beginnings = new Map<string, number>();
  const begun = events.map(({ stream, revision }, index) => {
    if (revision === 0 && !beginnings.has(stream)) beginnings.set(stream, index + 1);
    return beginnings.get(stream) ?? 0;
  });
  const appends = events.map(({ stream, revision, ...event }) => ({
    stream,
    expectedRevision: revision === 0 ? ('no_stream' as const) : revision - 1,
    events: [event],
  }));
  appends.forEach(requireWellFormed);
  const [streams, revisions, , ids, types, bodies, ...offsets] = encodeBatch(appends).slice(0, 9);
  return [head, streams, revisions, begun, ids, types, bodies, ...offsets];
}

function* batches(events: readonly Unpositioned[]): Generator<Unpositioned[]> {
  let batch: Unpositioned[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = event.metadata.length + event.data.length;
    if (batch.length > 0 && (batch.length === BATCH_EVENTS || bytes + size > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(event);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** A revision that is there already, or one of a stream that is not. */
function asNotNext(error: unknown): never {
  const { code, message } = error as { code?: string; message: string };
  if (code === '23505' || code === '23502') throw new NotNext(`The events do not come next in their streams: ${message}`, { cause: error });
  throw error;
}
