import type { Sql } from '../../accounts/database.ts';
import { isBarred } from './stop-webhooks.ts';

/**
 * What becomes of deliveries beside being sent, a chunk at a time: a statement reads and writes a number of rows in proportion to the
 * rows that it changes, however many queues and deliveries there are. All throw DatabaseUnavailable.
 */
export interface DeliveryUpkeep {
  /** Cancels what waits for a webhook that is not active, or waited when it last was not. @returns whether there may be more */
  cancelSome(webhookId: string): Promise<boolean>;
  /** Makes what waits for another attempt due at once, as if nothing had been tried before. @returns whether there may be more */
  expediteSome(webhookId: string): Promise<boolean>;
  /** The webhooks that are not active and for which something waits all the same. */
  listStopped(): Promise<string[]>;
  /** Deletes what was settled so many days ago, secrets that sign no more, and queues in which nothing waits. */
  cleanUp(retentionDays: number): Promise<void>;
}

/** Rows of one statement. Lists of keys, not joins, find them: a planner that expects a join of hundreds of rows reads whole tables. */
const CHUNK = 500;

export function createDeliveryUpkeep(sql: Sql): DeliveryUpkeep {
  const isMore = async (statement: string, webhookId: string) => {
    const [{ changed }] = (await sql.rows<{ changed: number }>(statement, [webhookId, CHUNK])) as [{ changed: number }];
    return changed === CHUNK;
  };
  const repeat = async (statement: string, values: unknown[]) => {
    while ((await sql.rows(statement, values)).length === CHUNK);
  };
  return {
    cancelSome: (webhookId) => isMore(cancelSome, webhookId),
    expediteSome: (webhookId) => isMore(expediteSome, webhookId),
    listStopped: async () => (await sql.rows<{ id: string }>(stopped)).map(({ id }) => id),
    async cleanUp(retentionDays) {
      await sql.rows('delete from webhooks.secrets where ends_at < now()');
      await repeat(deleteEmpty, [CHUNK]);
      await repeat(deleteOld, [retentionDays, CHUNK]);
    },
  };
}

// A queue counts down by what was cancelled: what is queued behind that meanwhile is not seen here, and is cancelled later.
export const cancelSome = `
  with idle as materialized (
    select q.webhook_id, q.lane, q.stream, case when w.active then w.activated_at else 'infinity' end as queued_before
      from webhooks.webhooks w join webhooks.queues q on q.webhook_id = w.id
     where w.id = $1 and (not q.once or ${isBarred}) and q.waiting > 0 and (q.claimed_until is null or q.claimed_until < now())
       and (not w.active or (
         select d.queued_at < w.activated_at from webhooks.deliveries d
          where d.webhook_id = q.webhook_id and d.lane = q.lane and d.stream = q.stream and d.status = 'waiting'
          order by d.number limit 1))
     limit $2 for update of q skip locked
  ), chosen as materialized (
    select d.number, d.lane, d.stream from idle cross join lateral (
      select d.number, d.lane, d.stream from webhooks.deliveries d
       where d.webhook_id = idle.webhook_id and d.lane = idle.lane and d.stream = idle.stream and d.status = 'waiting'
         and d.queued_at < idle.queued_before
       order by d.number limit $2) d
     limit $2
  ), cancelled as (
    update webhooks.deliveries d set status = 'cancelled', settled_at = now(), next_attempt_at = null
     where d.number = any(array(select number from chosen)) and d.status = 'waiting'
    returning d.lane, d.stream
  ), counted as (
    select lane, stream, count(*) as cancelled from cancelled group by lane, stream
  ), emptied as (
    update webhooks.queues q set waiting = q.waiting - counted.cancelled,
        due_at = case when q.waiting > counted.cancelled then now() else 'infinity' end
      from counted
     where q.webhook_id = $1 and q.lane = any(array(select distinct lane from counted)) and q.stream = any(array(select stream from counted))
       and q.lane = counted.lane and q.stream = counted.stream
  )
  select count(*)::integer as changed from cancelled`;

// Only the first of a queue has been tried: the others wait behind it.
export const expediteSome = `
  with postponed as materialized (
    select q.lane, q.stream from webhooks.queues q
     where q.webhook_id = $1 and q.waiting > 0 and q.claimed_until is null and q.due_at > now() and q.due_at < 'infinity'
     order by q.due_at limit $2 for update skip locked
  ), due as (
    update webhooks.queues q set due_at = now() from postponed
     where q.webhook_id = $1 and q.lane = any(array(select distinct lane from postponed)) and q.stream = any(array(select stream from postponed))
       and q.lane = postponed.lane and q.stream = postponed.stream
  ), firsts as materialized (
    select first.number from postponed cross join lateral (
      select d.number from webhooks.deliveries d
       where d.webhook_id = $1 and d.lane = postponed.lane and d.stream = postponed.stream and d.status = 'waiting'
       order by d.number limit 1) first
  ), untried as (
    update webhooks.deliveries d set first_attempt_at = null, next_attempt_at = null where d.number = any(array(select number from firsts))
  )
  select count(*)::integer as changed from postponed`;

const stopped = `
  select w.id from webhooks.webhooks w
   where not w.active and (select true from webhooks.queues q where q.webhook_id = w.id and q.waiting > 0 and (not q.once or ${isBarred}) limit 1)`;

const deleteEmpty = `
  delete from webhooks.queues q using (
    select webhook_id, lane, stream from webhooks.queues where waiting = 0 limit $1 for update skip locked) empty
   where q.webhook_id = empty.webhook_id and q.lane = empty.lane and q.stream = empty.stream
  returning q.webhook_id`;

const deleteOld = `
  delete from webhooks.deliveries where number in (
    select number from webhooks.deliveries where status <> 'waiting' and settled_at < now() - $1 * interval '1 day' limit $2
       for update skip locked)
  returning number`;
