import type pg from 'pg';
import { v7 as newId } from 'uuid';
import { publicTypes } from '../../events/public-type.ts';
import type { StoredEvent } from '../../events/store/event-store.ts';

type Client = Pick<pg.ClientBase, 'query'>;

/** An event that was put aside, by its place: what it says is read from the log. */
export interface Parked {
  id: string;
  stream: string;
  revision: number;
}

/** Why an event was put aside. */
export interface Failure {
  error: string;
  attempts: number;
}

const LONGEST_ERROR = 1_000;

/** Which of these streams have events put aside: what comes behind them has to wait. @returns null when another is the active one */
export async function heldBack(
  client: Client,
  name: string,
  epoch: bigint,
  streams: readonly string[],
): Promise<ReadonlySet<string> | null> {
  const { rows } = await client.query<{ streams: string[] }>({
    name: 'held back',
    text: `select array(select distinct d.stream from subscribers.dead_letters d where d.subscriber = $1 and d.stream = any($3)) as streams
           from subscribers.checkpoints where name = $1 and epoch = $2`,
    values: [name, epoch.toString(), streams],
  });
  return rows[0] ? new Set(rows[0].streams) : null;
}

/**
 * Puts events aside: without a failure, to wait behind one that is. An event that is put aside already stays as it is: a subscriber that
 * was moved back comes by again.
 */
export async function putAside(client: Client, name: string, events: readonly StoredEvent[], failure: Failure | null): Promise<void> {
  if (events.length === 0) return;
  await client.query(
    `insert into subscribers.dead_letters (id, subscriber, stream, revision, event_id, type, state, error, failed_at, attempts)
     select id, $1, stream, revision, event_id, type, case when $7::text is null then 'waiting' else 'failed' end,
       $7, case when $7::text is null then null else now() end, $8
     from unnest($2::uuid[], $3::text[], $4::int[], $5::uuid[], $6::text[]) as parked (id, stream, revision, event_id, type)
     on conflict (subscriber, stream, revision) do nothing`,
    [
      name,
      events.map(() => newId()),
      events.map(({ stream }) => stream),
      events.map(({ revision }) => revision),
      events.map(({ id }) => id),
      events.map(({ type }) => publicTypes[type as keyof typeof publicTypes] ?? type),
      failure?.error.slice(0, LONGEST_ERROR) ?? null,
      failure?.attempts ?? 0,
    ],
  );
}

/** The first event put aside of each stream whose turn it is: released, or no longer behind another. */
export async function duePart(client: Client, name: string, limit: number): Promise<Parked[]> {
  const { rows } = await client.query<Parked>({
    name: 'due dead letters',
    text: `select d.id, d.stream, d.revision from subscribers.dead_letters d
           where d.subscriber = $1 and d.state in ('waiting', 'released') and not exists (
             select from subscribers.dead_letters b where b.subscriber = $1 and b.stream = d.stream and b.revision < d.revision)
           order by d.id limit $2`,
    values: [name, limit],
  });
  return rows;
}

/** Says of one whose turn it is, before it is handled, that it is. @returns false when somebody has skipped it meanwhile */
export async function claim(client: Client, { id }: Parked): Promise<boolean> {
  const { rowCount } = await client.query(
    `update subscribers.dead_letters set state = 'handled', attempts = attempts + 1 where id = $1 and state in ('waiting', 'released')`,
    [id],
  );
  return rowCount === 1;
}

export async function failedAgain(client: Client, { id }: Parked, error: string): Promise<void> {
  await client.query(`update subscribers.dead_letters set state = 'failed', error = $2, failed_at = now() where id = $1`, [
    id,
    error.slice(0, LONGEST_ERROR),
  ]);
}

/** It was not tried after all: it is still its turn. */
export async function giveBack(client: Client, { id }: Parked): Promise<void> {
  await client.query(
    `update subscribers.dead_letters set state = case when error is null then 'waiting' else 'released' end, attempts = attempts - 1
     where id = $1 and state = 'handled'`,
    [id],
  );
}

/** What a process was at when it ended is not tried again by itself: it may end the next one too. */
export async function blameUnfinished(client: Client, name: string): Promise<void> {
  await client.query(
    `update subscribers.dead_letters set state = 'failed', error = 'the process ended while it was handled', failed_at = now()
     where subscriber = $1 and state = 'handled'`,
    [name],
  );
}

/** It was handled. @returns false when it was taken away meanwhile */
export async function remove(client: Client, { id }: Parked): Promise<boolean> {
  const { rowCount } = await client.query('delete from subscribers.dead_letters where id = $1', [id]);
  return rowCount === 1;
}
