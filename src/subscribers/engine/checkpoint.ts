import type pg from 'pg';
import type { EventStore, Position, StoredEvent } from '../../events/store/event-store.ts';
import { type LastEvent, lastEvent, misplacement } from '../../events/store/last-event.ts';
import type { Subscriber } from '../subscriber.ts';

/** Another instance is the active one now: what this one was about to do must not be. */
export class Fenced extends Error {
  override name = 'Fenced';
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
  const { rows } = await client.query<Record<'position' | 'epoch' | 'log_id', string> & { last_event: LastEvent | null } & Attempted>(
    `update subscribers.checkpoints set epoch = epoch + 1 where name = $1
     returning position, epoch, log_id, last_event, attempted, attempts`,
    [name],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`There is no checkpoint of the subscriber ${name}`);
  const position = BigInt(row.position);
  const reason = await misplacement({ position, logId: row.log_id, lastEvent: row.last_event }, store);
  if (reason !== null) throw new SubscriberMisplaced(name, reason);
  const attempted = row.attempted === null ? null : { upTo: BigInt(row.attempted), attempts: row.attempts };
  return { position, epoch: BigInt(row.epoch), attempted };
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
