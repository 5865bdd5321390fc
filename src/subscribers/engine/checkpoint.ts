import type pg from 'pg';
import type { EventStore, Position, StoredEvent } from '../../events/store/event-store.ts';
import { type LastEvent, lastEvent, misplacement } from '../../events/store/last-event.ts';
import type { Subscriber } from '../subscriber.ts';

/** Another instance is the active one now: what this one was about to do must not be. */
export class Fenced extends Error {
  override name = 'Fenced';
}

/** The checkpoint was moved, by a tool or because the target holds other events: the active instance goes on from there. */
export class Moved extends Error {
  override name = 'Moved';
  constructor(name: string, { by, position }: { by: string | null; position: Position }) {
    super(`the subscriber ${name} was moved to position ${position} by ${by ?? 'an earlier release'}`);
  }
}

/** How far a subscriber has come is not of this log as it stands: it was restored from an older backup, or is another one. */
export class SubscriberMisplaced extends Error {
  override name = 'SubscriberMisplaced';
  constructor(name: string, reason: string) {
    super(
      `The subscriber ${name} is not of this event log as it stands: it ${reason}. Nothing is sent until it is said where it goes on: ` +
        `npm run resume-subscriber -- ${name} --after head`,
    );
  }
}

export interface Checkpoint {
  position: Position;
  epoch: bigint;
  /** How often it was moved other than by its subscriber. */
  moves: number;
}

/** What was being handled when a process ended, and how many processes ended so in a row. */
export interface Attempt {
  /** Of the last event that was being handled. */
  upTo: Position;
  attempts: number;
}

type Client = Pick<pg.ClientBase, 'query'>;

/** Has a subscriber begin, if it is there for the first time: whatever is appended from now on is for it. */
export async function prepareCheckpoint(
  client: Client | pg.Pool,
  { name, startsAt }: Pick<Subscriber, 'name' | 'startsAt'>,
  store: Pick<EventStore, 'head' | 'logId'>,
): Promise<void> {
  const { rowCount } = await client.query('select from subscribers.checkpoints where name = $1', [name]);
  if (rowCount === 1) return;
  const position = startsAt === 'head' ? await store.head() : 0n;
  await client.query('insert into subscribers.checkpoints (name, position, log_id) values ($1, $2, $3) on conflict do nothing', [
    name,
    position.toString(),
    store.logId,
  ]);
}

/** Begins a new epoch: whoever was active before is fenced off. @throws SubscriberMisplaced, StoreUnavailable */
export async function takeOver(client: Client, name: string, store: EventStore): Promise<Checkpoint & { attempted: Attempt | null }> {
  const { rows } = await client.query<
    Record<'position' | 'epoch' | 'log_id', string> & { last_event: LastEvent | null; moves: number } & Attempted
  >(
    `update subscribers.checkpoints set epoch = epoch + 1 where name = $1
     returning position, epoch, moves, log_id, last_event, attempted, attempts`,
    [name],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`There is no checkpoint of the subscriber ${name}`);
  const position = BigInt(row.position);
  const reason = await misplacement({ position, logId: row.log_id, lastEvent: row.last_event }, store);
  if (reason !== null) throw new SubscriberMisplaced(name, reason);
  const attempted = row.attempted === null ? null : { upTo: BigInt(row.attempted), attempts: row.attempts };
  return { position, epoch: BigInt(row.epoch), moves: row.moves, attempted };
}

interface Attempted {
  attempted: string | null;
  attempts: number;
}

/** Moves the checkpoint, inside the transaction of what it speaks for. @throws Fenced when it is not where this instance left it */
export async function advance(client: Client, name: string, from: Checkpoint, to: Position, last: StoredEvent | undefined): Promise<void> {
  const { rowCount } = await client.query({
    name: 'advance subscriber',
    text: `update subscribers.checkpoints
           set position = $4, last_event = coalesce($5, last_event), moved_at = now(), attempted = null, attempts = 0
           where name = $1 and position = $2 and epoch = $3`,
    values: [name, from.position.toString(), from.epoch.toString(), to.toString(), last && lastEvent(last)],
  });
  if (rowCount !== 1) throw new Fenced(`Another instance has taken over the subscriber ${name}`);
}

/** Says, before events are handled, that they are. @returns how often that was said in a row of the events up to this position @throws Fenced */
export async function noteAttempt(client: Client, name: string, { epoch }: Checkpoint, upTo: Position): Promise<number> {
  const { rows } = await client.query<{ attempts: number }>(
    `update subscribers.checkpoints set attempted = $3, attempts = case when attempted = $3 then attempts else 0 end + 1
     where name = $1 and epoch = $2 returning attempts`,
    [name, epoch.toString(), upTo.toString()],
  );
  if (rows[0] === undefined) throw new Fenced(`Another instance has taken over the subscriber ${name}`);
  return rows[0].attempts;
}

/** The process is there still: whatever became of the attempt, it was not its end. */
export async function forgetAttempt(client: Client, name: string, { epoch }: Checkpoint): Promise<void> {
  await client.query('update subscribers.checkpoints set attempted = null, attempts = 0 where name = $1 and epoch = $2', [
    name,
    epoch.toString(),
  ]);
}

/** @returns the error that says why this instance is no longer the active one; null while it is */
export async function findTakeover(client: Client | pg.Pool, name: string, { epoch, moves }: Checkpoint): Promise<Moved | Fenced | null> {
  const { rows } = await client.query<{ position: string; moves: number; moved_by: string | null }>({
    name: 'find takeover',
    text: 'select position, moves, moved_by from subscribers.checkpoints where name = $1 and epoch <> $2',
    values: [name, epoch.toString()],
  });
  const [row] = rows;
  if (row === undefined) return null;
  if (row.moves === moves) return new Fenced(`Another instance has taken over the subscriber ${name}`);
  return new Moved(name, { by: row.moved_by, position: BigInt(row.position) });
}

/** Where a subscriber is to go on, and who says so. */
export interface Move {
  position: Position;
  logId: string;
  by: string;
}

/**
 * Moves the checkpoint to a position, wherever it was. The instance that is active is fenced off, and goes on from there.
 * @param from only if it is still there @returns whether it was moved
 */
export async function moveCheckpoint(
  client: Client | pg.Pool,
  name: string,
  { position, logId, by }: Move,
  from?: Checkpoint,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `update subscribers.checkpoints
     set position = $2, log_id = $3, moved_by = $4, moves = moves + 1, last_event = null, attempted = null, attempts = 0,
       epoch = epoch + 1, moved_at = now()
     where name = $1 and ($5::bigint is null or epoch = $5)`,
    [name, position.toString(), logId, by, from?.epoch.toString() ?? null],
  );
  return rowCount === 1;
}
