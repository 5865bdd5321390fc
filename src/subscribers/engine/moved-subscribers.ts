import type pg from 'pg';
import { BEGINNING, type EventStore, type StoredEvent } from '../../events/store/event-store.ts';
import { type LastEvent, lastEvent } from '../../events/store/last-event.ts';

export interface MovedSubscriber {
  name: string;
  /** `left`: it is of another log, and somebody has to say where it goes on. */
  outcome: 'translated' | 'as it was' | 'left';
}

interface Row {
  name: string;
  position: string;
  last: LastEvent | null;
}

/**
 * Lets subscribers go on in another store, where the same events stand at other positions. What is put aside needs no more: it is known
 * by its place in its stream.
 * @param client with the table `moved (before, now)` of all positions, in a transaction
 */
export async function translateSubscribers(client: pg.ClientBase, before: EventStore, now: EventStore): Promise<MovedSubscriber[]> {
  const { rows } = await client.query<Row>('select name, position, last_event as last from subscribers.checkpoints order by 1 for update');
  const moved: MovedSubscriber[] = [];
  for (const row of rows) moved.push({ name: row.name, outcome: await translateOne(client, row, before, now) });
  return moved;
}

async function translateOne(client: pg.ClientBase, row: Row, before: EventStore, now: EventStore): Promise<MovedSubscriber['outcome']> {
  if (row.position === BEGINNING.toString()) return 'as it was';
  const is = row.last === null ? await eventAt(client, row.position, now) : await eventLike(row.last, now);
  if (row.last !== null && is?.id === row.last.id && is.position.toString() === row.last.position) return 'as it was';
  const was = row.last === null ? is : await eventLike(row.last, before);
  if (is === undefined || was?.id !== is.id || (row.last !== null && was.position.toString() !== row.last.position)) return 'left';
  await client.query(
    `update subscribers.checkpoints
     set position = $2, last_event = $3, epoch = epoch + 1, moves = moves + 1, moved_by = 'migrate-store', attempted = null, attempts = 0
     where name = $1`,
    [row.name, is.position.toString(), lastEvent(is)],
  );
  return 'translated';
}

async function eventLike({ stream, revision, id }: LastEvent, store: EventStore): Promise<StoredEvent | undefined> {
  const [event] = await store.readStream(stream, { from: revision, limit: 1 });
  return event?.id === id ? event : undefined;
}

/** The last event up to a position of the former store, where one began at the end of the log and was given none since. */
async function eventAt(client: pg.ClientBase, position: string, now: EventStore): Promise<StoredEvent | undefined> {
  const { rows } = await client.query<{ now: string | null; after: string }>(
    `select max(now) as now, coalesce((array_agg(now order by now desc))[2], 0) as after from (
       select now from moved where before <= $1 order by before desc limit 2) last`,
    [position],
  );
  const { now: at, after } = rows[0]!;
  if (at === null) return undefined;
  const [event] = await now.readAll({ after: BigInt(after), limit: 1 });
  return event?.position.toString() === at ? event : undefined;
}
