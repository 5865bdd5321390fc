import type pg from 'pg';
import { publicTypes } from '../../events/public-type.ts';
import { type RecordedEvent, subjectId } from '../../events/recorded-event.ts';
import type { Position } from '../../events/store/event-store.ts';
import type { EventTypeName } from '../../events/upcasters.ts';
import { typesMatching } from '../event-types.ts';
import { type Subscriber, Unreachable } from '../subscriber.ts';

export interface DispatchParts {
  /** The PostgreSQL schema of the feed's read model, just now. */
  feedSchema(): string;
  /** Waits, for so many milliseconds at most, until the feed's read model has reached a position. */
  feedReached(position: Position, within: number): Promise<boolean>;
  /** There are new deliveries. */
  queued(): void;
}

interface Receiver {
  id: string;
  owner: string;
  seesAll: boolean;
  types: string[];
}

/** A receiver, and what of a batch it may get if its owner may see it. */
interface Wanting {
  id: string;
  owner: string;
  sees_all: boolean;
  /** What it gets stands behind this position. */
  after: string;
  types: EventTypeName[];
}

const FEED_WITHIN = 5_000;

/**
 * Puts each event on its way to the webhooks that want it and whose owner may see it: a row each, once and for all, in the transaction
 * that moves the checkpoint.
 */
export function webhookDispatch({ feedSchema, feedReached, queued }: DispatchParts): Subscriber {
  const types = new Map<string, EventTypeName[]>();
  const matching = (patterns: readonly string[]) => {
    const key = patterns.join();
    const known = types.get(key) ?? typesMatching(patterns);
    types.set(key, known);
    return known;
  };

  const write = async (events: readonly RecordedEvent[], client: pg.ClientBase): Promise<void> => {
    const begun = beginnings(events);
    const { rows } = await client.query<Receiver>(receivers, [[...begun.keys()]]);
    const carried = new Set(events.map(({ type }) => type));
    const wanting = rows.flatMap(({ id, owner, seesAll, types: patterns }): Wanting[] => {
      const wanted = matching(patterns).filter((type) => carried.has(type));
      const after = begun.get(id) ?? 0n;
      return wanted.length === 0 ? [] : [{ id, owner, sees_all: seesAll, after: after.toString(), types: wanted }];
    });
    const last = events.at(-1)!.position;
    if (wanting.length > 0 && !(await feedReached(last, FEED_WITHIN)))
      throw new Unreachable('the read model of the feed does not follow the log');
    const present = await lockWebhooks(client, [...wanting.map(({ id }) => id), ...begun.keys()]);
    if (begun.size > 0) await client.query(begin, [[...begun.keys()]]);
    const there = wanting.filter(({ id }) => present.has(id));
    if (there.length > 0) await insertDeliveries(client, feedSchema(), events, there, last);
  };

  return {
    name: 'webhooks',
    startsAt: 'head',
    write: (events, client) => write(events, client).catch(asUnreachable),
    written: queued,
  };
}

/** Before any of their queues: one that is deleted just then is left out, and none waits for the other. */
async function lockWebhooks(client: pg.ClientBase, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>('select id from webhooks.webhooks where id = any($1) order by id for key share', [
    ids,
  ]);
  return new Set(rows.map(({ id }) => id));
}

/** The webhooks of which the events tell that they were made, or made active again, and where. */
function beginnings(events: readonly RecordedEvent[]): Map<string, Position> {
  const begun = new Map<string, Position>();
  for (const event of events) {
    const isBeginning = event.type === 'WebhookCreated' || (event.type === 'WebhookChanged' && event.data.changes.active?.to === true);
    if (isBeginning) begun.set(event.data.webhook_id, event.position);
  }
  return begun;
}

async function insertDeliveries(
  client: pg.ClientBase,
  schema: string,
  events: readonly RecordedEvent[],
  wanting: readonly Wanting[],
  last: Position,
): Promise<void> {
  const wanted = new Set(wanting.flatMap(({ types }) => types));
  const facts = events
    .filter(({ type }) => wanted.has(type))
    .map(({ position, metadata, stream, revision, type, ...event }) => {
      const isOfTask = stream.startsWith('task-');
      const id = subjectId({ ...event, stream });
      return {
        ...{ position: position.toString(), event_id: metadata.event_id, stream, revision, type, told_as: publicTypes[type] },
        ...(isOfTask ? { task_id: id, user_id: null } : { task_id: null, user_id: id }),
      };
    });
  const text = deliveries.replaceAll('FEED', `"${schema}"`);
  const { rows } = await client.query<{ reached: string | null }>(text, [JSON.stringify(facts), JSON.stringify(wanting), schema]);
  // Asked together with who may see what: what was waited for may have been of another generation.
  if (BigInt(rows[0]!.reached ?? 0) < last) throw new Unreachable('the read model of the feed has not come to these events');
}

/** One of two that wait for each other, as when an account is erased just then, is asked to come again. */
function asUnreachable(error: unknown): never {
  const { code } = error as { code?: string };
  if (code === '40P01' || code === '23503') throw new Unreachable('webhooks were deleted meanwhile', { cause: error });
  throw error;
}

const begin = `
  update webhooks.webhooks set begun = true
   where id in (select id from webhooks.webhooks where id = any($1) and not begun order by id for no key update)`;

const receivers = `
  select w.id, w.user_id as owner, u.role = 'admin' and not w.without_admin as "seesAll", w.types
    from webhooks.webhooks w join accounts.users u on u.id = w.user_id
   where w.active and (w.begun or w.id = any($1)) and u.is_active`;

// Readers are looked up by task, not by webhook: a webhook costs nothing where its owner has no part in what happened.
const deliveries = `
  with facts as materialized (
    select * from json_to_recordset($1)
      as f(position bigint, event_id uuid, stream text, revision integer, type text, told_as text, task_id uuid, user_id uuid)
  ), wanting as materialized (
    select * from json_to_recordset($2) as w(id uuid, owner uuid, sees_all boolean, after bigint, types text[])
  ), seen as (
    select f.position, w.id from facts f join wanting w on w.owner = f.user_id
    union select f.position, w.id from facts f join wanting w on w.sees_all where f.task_id is not null
    union select f.position, w.id from facts f join FEED.readers r on r.task_id = f.task_id join wanting w on w.owner = r.user_id
    union select f.position, w.id from wanting w join FEED.losses l on l.user_id = w.owner and l.position between
      (select min(position) from facts) and (select max(position) from facts) join facts f on f.position = l.position
  ), fresh as (
    insert into webhooks.deliveries (webhook_id, event_id, stream, revision, type)
    select w.id, f.event_id, f.stream, f.revision, f.told_as
      from seen s join facts f on f.position = s.position join wanting w on w.id = s.id
     where f.position > w.after and f.type = any(w.types)
     order by f.position
    on conflict do nothing
    returning webhook_id, lane, stream
  ), queued as (
    insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at)
    select webhook_id, lane, stream, count(*), now() from fresh group by 1, 2, 3 order by 1, 2, 3
    on conflict (webhook_id, lane, stream) do update set waiting = queues.waiting + excluded.waiting,
      due_at = case when queues.waiting = 0 then excluded.due_at else queues.due_at end
  )
  select (select position from projections.generations where format('%s_v%s_g%s', name, version, generation) = $3)::text as reached`;
