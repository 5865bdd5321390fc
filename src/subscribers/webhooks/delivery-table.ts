import type { Sql } from '../../accounts/database.ts';
import { isBarred } from './stop-webhooks.ts';

export type DeliveryKind = 'event' | 'test' | 'redelivery' | 'replay';
export type DeliveryStatus = 'waiting' | 'delivered' | 'failed' | 'withheld' | 'cancelled';

/** A delivery whose turn it is, taken for a while. */
export interface Claimed {
  number: string;
  webhookId: string;
  lane: string;
  stream: string;
  /** By which its outcome is known to be of this claim. */
  claims: string;
  kind: DeliveryKind;
  eventId: string;
  revision: number;
  type: string;
  queuedAt: Date;
  /** This one counted in. */
  attempts: number;
  firstAttemptAt: Date;
  url: string;
  /** Sealed; the newest first. */
  secrets: Buffer[];
  /** The webhook was stopped and reactivated since the delivery was queued: it is cancelled, as the others that waited then. */
  isOutdated: boolean;
  owner: { id: string; isActive: boolean; isAdmin: boolean };
}

/** What came of an attempt. */
export interface Attempt {
  responseStatus: number | null;
  error: string | null;
  durationMs: number | null;
}

export interface Backlog {
  waiting: number;
  /** Since when the oldest is due that was not taken up although its webhook has a place for it and does not fail: the workers do not work. */
  overdueSince: Date | null;
  /** Webhooks whose last attempt failed, and those that were disabled. */
  failing: number;
  disabled: number;
  active: number;
}

/** The rows that workers go by. All throw DatabaseUnavailable. */
export interface DeliveryTable {
  /** Takes the first of some queues that are due, for so many milliseconds; of each webhook a few, so that all come to their turn. */
  claim(most: number, lease: number): Promise<Claimed[]>;
  /** Ends it. What a later claim is at is left to that one. @returns whether the webhook is active; undefined when the claim was not the last */
  settle(claimed: Claimed, status: Exclude<DeliveryStatus, 'waiting'>, attempt: Attempt): Promise<boolean | undefined>;
  postpone(claimed: Claimed, until: Date, attempt: Attempt): Promise<boolean | undefined>;
  /** Gives it back untried. */
  release(claimed: Claimed, wait: number): Promise<void>;
  backlog(): Promise<Backlog>;
}

/** What an ended claim says of its webhook. */
interface Settled {
  active: boolean;
  failures: number;
}

/** Deliveries to one webhook at the same time, on all instances; and while its receiver fails. */
const AT_ONCE = 8;
const AT_ONCE_FAILING = 2;
/** To all webhooks of one owner: of the 256 of an instance, one owner's slow receivers leave places to others. */
const AT_ONCE_OF_OWNER = 32;

type Row = Omit<Claimed, 'owner'> & { number: string | null; isActive: boolean; isAdmin: boolean; ownerId: string };

export function createDeliveryTable(sql: Sql): DeliveryTable {
  const key = ({ webhookId, lane, stream, claims }: Pick<Claimed, 'webhookId' | 'lane' | 'stream' | 'claims'>) => [
    webhookId,
    lane,
    stream,
    claims,
  ];
  const table: DeliveryTable = {
    async claim(most, lease) {
      const rows = await sql.rows<Row>(claim, [most, lease, AT_ONCE, AT_ONCE_FAILING, AT_ONCE_OF_OWNER]);
      const claimed: Claimed[] = [];
      for (const { ownerId, isActive, isAdmin, ...row } of rows) {
        // Its first was settled by another just when this looked: what comes behind that one is there at the next look.
        if (row.number === null) await table.release(row as Claimed, 0);
        else claimed.push({ ...row, owner: { id: ownerId, isActive, isAdmin } });
      }
      return claimed;
    },
    async settle(claimed, status, { responseStatus, error, durationMs }) {
      const values = [...key(claimed), claimed.number, status, responseStatus, error, durationMs];
      const [settled] = await sql.rows<Settled>(settle, values);
      if (settled && status === 'failed') await sql.rows(countFailure, [claimed.webhookId]);
      if (settled && status === 'delivered' && settled.failures > 0) await sql.rows(resetFailures, [claimed.webhookId]);
      return settled?.active;
    },
    async postpone(claimed, until, { responseStatus, error, durationMs }) {
      const values = [...key(claimed), claimed.number, until, responseStatus, error, durationMs];
      const [settled] = await sql.rows<Settled>(postpone, values);
      if (settled) await sql.rows(countFailure, [claimed.webhookId]);
      return settled?.active;
    },
    release: async (claimed, wait) => void (await sql.rows(release, [...key(claimed), wait])),
    backlog: async () => (await sql.rows<Backlog>(backlog, [AT_ONCE, AT_ONCE_OF_OWNER]))[0]!,
  };
  return table;
}

// Each webhook's queues by when they are due, a few at a time; the first of every owner before the second of any, and for an
// owner the first of every webhook. A webhook that is not
// active costs one look at an index, however many queues it has: of those only what was asked for by itself is taken. One whose credentials
// have ended is sent nothing at all.
export const claim = `
  with room as (
    select w.id, w.user_id, w.active, greatest(0, case when w.failures > 0 then $4::integer else $3::integer end
        - (select count(*) from webhooks.queues busy where busy.webhook_id = w.id and busy.claimed_until > now())) as places,
      greatest(0, $5::integer - (select count(*) from webhooks.webhooks own join webhooks.queues busy on busy.webhook_id = own.id
        where own.user_id = w.user_id and busy.claimed_until > now())) as places_of_owner
      from webhooks.webhooks w
     where not ${isBarred} and case when w.active
       then (select true from webhooks.queues q where q.webhook_id = w.id and q.due_at <= now() limit 1)
       else (select true from webhooks.queues q where q.webhook_id = w.id and q.once and q.due_at <= now() limit 1) end
  ), due as materialized (
    select webhook_id, lane, stream from (
      select d.*, row_number() over (partition by d.user_id order by d.place) as turn from (
        select q.*, room.user_id, room.places_of_owner, row_number() over (partition by room.id) as place from room cross join lateral (
          select q.webhook_id, q.lane, q.stream from webhooks.queues q
           where room.active and q.webhook_id = room.id and q.due_at <= now()
           order by q.due_at limit room.places for update skip locked) q
        union all
        select q.*, room.user_id, room.places_of_owner, row_number() over (partition by room.id) as place from room cross join lateral (
          select q.webhook_id, q.lane, q.stream from webhooks.queues q
           where not room.active and q.webhook_id = room.id and q.once and q.due_at <= now()
           order by q.due_at limit room.places for update skip locked) q) d) d
     where turn <= places_of_owner
     order by turn, place limit $1
  ), taken as (
    update webhooks.queues q set claims = claims + 1, due_at = until.lease, claimed_until = until.lease
      from due, (select now() + $2 * interval '1 millisecond' as lease) until
     where q.webhook_id = due.webhook_id and q.lane = due.lane and q.stream = due.stream
    returning q.webhook_id, q.lane, q.stream, q.claims
  ), firsts as materialized (
    select t.*, (select d.number from webhooks.deliveries d
                  where d.webhook_id = t.webhook_id and d.lane = t.lane and d.stream = t.stream and d.status = 'waiting'
                  order by d.number limit 1) as number
      from taken t
  ), begun as (
    update webhooks.deliveries d set attempts = d.attempts + 1, first_attempt_at = coalesce(d.first_attempt_at, now()), last_attempt_at = now(),
        next_attempt_at = null
      from firsts f where d.number = f.number and d.status = 'waiting'
    returning d.*
  )
  select f.webhook_id as "webhookId", f.lane, f.stream, f.claims, b.number, b.kind, b.event_id as "eventId", b.revision, b.type,
    b.queued_at as "queuedAt", b.attempts, b.first_attempt_at as "firstAttemptAt", w.url, w.user_id as "ownerId",
    b.kind in ('event', 'replay') and b.queued_at < w.activated_at as "isOutdated",
    u.is_active as "isActive", u.role = 'admin' and not w.without_admin as "isAdmin",
    array(select s.sealed from webhooks.secrets s where s.webhook_id = w.id and (s.ends_at is null or s.ends_at > now()) order by s.id desc) as secrets
    from firsts f left join begun b on b.number = f.number
    join webhooks.webhooks w on w.id = f.webhook_id join accounts.users u on u.id = w.user_id`;

const ofClaim = 'webhook_id = $1 and lane = $2 and stream = $3 and claims = $4';

const settle = `
  with freed as (
    update webhooks.queues set waiting = waiting - 1, claimed_until = null, due_at = case when waiting > 1 then now() else 'infinity' end
     where ${ofClaim} returning webhook_id
  ), settled as (
    update webhooks.deliveries set status = $6, settled_at = now(), response_status = $7, error = $8, duration_ms = $9
      from freed where number = $5
  )
  select w.active, w.failures from freed join webhooks.webhooks w on w.id = freed.webhook_id`;

const postpone = `
  with freed as (
    update webhooks.queues set claimed_until = null, due_at = $6 where ${ofClaim} returning webhook_id
  ), postponed as (
    update webhooks.deliveries set next_attempt_at = $6, response_status = $7, error = $8, duration_ms = $9 from freed where number = $5
  )
  select w.active, w.failures from freed join webhooks.webhooks w on w.id = freed.webhook_id`;

// Statements of their own: a row of a webhook is locked before its queues, or alone.
const countFailure = 'update webhooks.webhooks set failures = failures + 1 where id = $1';
const resetFailures = 'update webhooks.webhooks set failures = 0 where id = $1 and failures > 0';

const release = `
  update webhooks.queues set claimed_until = null, due_at = case when waiting > 0 then now() + $5 * interval '1 millisecond' else 'infinity' end
   where ${ofClaim}`;

// What waits behind a receiver that fails, or behind as many deliveries as its webhook or owner may have at a time, is not late, and neither
// is what waits its turn behind others of a webhook of which one was settled within the last minute.
const backlog = `
  with busy as (
    select q.webhook_id, w.user_id, count(*) as places from webhooks.queues q join webhooks.webhooks w on w.id = q.webhook_id
     where q.claimed_until > now() group by 1, 2
  ), overdue as (
    select w.id, (select q.due_at from webhooks.queues q where q.webhook_id = w.id and q.due_at <= now() order by q.due_at limit 1) as since
      from webhooks.webhooks w
     where w.active and w.failures = 0 and not ${isBarred}
       and coalesce((select places from busy where webhook_id = w.id), 0) < $1
       and coalesce((select sum(places) from busy where user_id = w.user_id), 0) < $2
  )
  select (select coalesce(sum(waiting), 0)::integer from webhooks.queues where waiting > 0) as waiting,
    (select min(since) from overdue where since is not null and not exists (
      select from webhooks.deliveries d where d.webhook_id = overdue.id and d.status <> 'waiting' and d.settled_at > now() - interval '1 minute'
        and since < now() - interval '1 minute')) as "overdueSince",
    count(*) filter (where active and failures > 0)::integer as failing,
    count(*) filter (where disabled_at is not null)::integer as disabled,
    count(*) filter (where active)::integer as active
    from webhooks.webhooks`;
