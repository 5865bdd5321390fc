import { z } from 'zod';
import type { Database } from '../../accounts/database.ts';
import { publicTypes } from '../../events/public-type.ts';
import type { EventStore, Position, StoredEvent } from '../../events/store/event-store.ts';
import { taskStream } from '../../events/task/task-events.ts';
import type { EventTypeName } from '../../events/upcasters.ts';
import { userStream } from '../../events/user/user-events.ts';
import { Id } from '../../events/values.ts';
import { JobFailure, type JobInput, JobLater, type JobLimits } from '../../platform/jobs/definition.ts';
import type { FeedRow } from '../../queries/feed/read-feed.ts';
import type { Queries } from '../../queries/queries.ts';
import { typesMatching } from '../event-types.ts';

export const replayJob = 'webhook-replay';
export const replayLimits: JobLimits = { concurrency: 2, queued: 1_000 };
/** Unfinished replays of one user. */
export const MAX_REPLAYS = 2;
/** Deliveries of a replay that wait for the receiver: as many rows as a replay of any length has at a time, beside those that were settled. */
export const MAX_AHEAD = 1_000;

const PositionText = z.string().regex(/^\d{1,30}$/);

/** Tells a webhook again what its owner may see of a piece of the log. */
export const ReplayJob = z.strictObject({
  webhook_id: Id,
  /** What this replay sends is in order by itself. */
  lane: Id,
  after: PositionText,
  until: PositionText,
  /** Patterns: those of the webhook when left out. */
  types: z.array(z.string()).optional(),
});
export type ReplayJob = z.output<typeof ReplayJob>;

export interface ReplayParts {
  database: Database;
  queries: Pick<Queries, 'readFeed'>;
  store: Pick<EventStore, 'readEvents'>;
  /** Waits until the feed's read model is there. @throws what the signal aborts with */
  feedFollows(position: Position, signal: AbortSignal): Promise<void>;
  queued(): void;
}

const PAGE = 500;
/** Rows are read a page at a time, or at least this many where the receiver is slow. */
const MIN_PAGE = 100;
/** Seconds before a replay looks again whether its receiver has caught up, or is well again. Others have their turn meanwhile. */
const SLOW_RETRY_S = 1;
const FAILING_RETRY_S = 10;
/** Precision with which a position is kept as a part of the whole. */
const STEPS = 10n ** 15n;

/**
 * Queues what is replayed as the receiver takes it, and lets other replays have their turn while it does not. What an interrupted attempt had
 * queued already is not queued again.
 */
export function runReplay({ database, queries, store, feedFollows, queued }: ReplayParts) {
  return async ({ data, progress, signal }: JobInput<ReplayJob>): Promise<void> => {
    const [first, until] = [BigInt(data.after), BigInt(data.until)];
    await feedFollows(until, signal);
    const range = until - first;
    for (let after = first + (BigInt(Math.floor(progress.done * Number(STEPS))) * range) / STEPS; after < until; ) {
      signal.throwIfAborted();
      const { reader, types, isFailing, ahead } = await requireActive(database, data);
      if (isFailing && ahead > 0) throw new JobLater(FAILING_RETRY_S);
      const limit = Math.min(PAGE, MAX_AHEAD - ahead);
      if (limit < MIN_PAGE) throw new JobLater(SLOW_RETRY_S);
      const { rows, more } = await queries.readFeed({ reader, after, types, limit });
      const wanted = rows.filter(({ position }) => BigInt(position) <= until);
      if (wanted.length > 0) {
        const events = await store.readEvents(wanted.map(placeOf));
        await database.rows(enqueue, [data.webhook_id, data.lane, JSON.stringify(events.map(factOf))]);
        queued();
      }
      if (!more || wanted.length < rows.length) break;
      after = BigInt(rows.at(-1)!.position);
      await progress.save(Number(((after - first) * STEPS) / range) / Number(STEPS));
    }
  };
}

interface ActiveWebhook {
  id: string;
  isAdmin: boolean;
  types: string[];
  isFailing: boolean;
  /** Deliveries of this replay that wait. */
  ahead: number;
}

/** What may be seen, and is wanted, is asked for anew for every page. */
async function requireActive(database: Database, { webhook_id, lane, types: asked }: ReplayJob) {
  const [webhook] = await database.rows<ActiveWebhook>(activeWebhook, [webhook_id, lane]);
  if (!webhook) throw new JobFailure('The webhook is gone, or not active');
  const types = typesMatching(webhook.types);
  const among: ReadonlySet<EventTypeName> = new Set(asked === undefined ? types : typesMatching(asked));
  const { id, isAdmin, isFailing, ahead } = webhook;
  return { reader: { id, isAdmin }, types: types.filter((type) => among.has(type)), isFailing, ahead };
}

function placeOf({ task_id, user_id, revision, position }: FeedRow) {
  return { stream: task_id === null ? userStream(user_id!) : taskStream(task_id), revision, position: BigInt(position) };
}

function factOf({ id, stream, revision, type }: StoredEvent) {
  return { event_id: id, stream, revision, type: publicTypes[type as EventTypeName] };
}

const activeWebhook = `
  select u.id, u.role = 'admin' and not w.without_admin as "isAdmin", w.types, w.failures > 0 as "isFailing",
    (select coalesce(sum(q.waiting), 0)::integer from webhooks.queues q where q.webhook_id = w.id and q.lane = $2 and q.waiting > 0) as ahead
    from webhooks.webhooks w join accounts.users u on u.id = w.user_id where w.id = $1 and w.active and u.is_active`;

const enqueue = `
  with owner as materialized (
    select id from webhooks.webhooks where id = $1 for key share
  ), fresh as (
    insert into webhooks.deliveries (webhook_id, kind, lane, event_id, stream, revision, type)
    select w.id, 'replay', $2, f.event_id, f.stream, f.revision, f.type
      from owner w cross join json_to_recordset($3) as f(event_id uuid, stream text, revision integer, type text)
     order by f.stream, f.revision
    on conflict do nothing
    returning webhook_id, lane, stream
  )
  insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at)
  select webhook_id, lane, stream, count(*), now() from fresh group by 1, 2, 3 order by 1, 2, 3
  on conflict (webhook_id, lane, stream) do update set waiting = queues.waiting + excluded.waiting,
    due_at = case when queues.waiting = 0 then excluded.due_at else queues.due_at end`;
