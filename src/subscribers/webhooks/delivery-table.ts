import type { Sql } from '../../accounts/database.ts';

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
  /** When the oldest of those that are due, and that nobody is at, was due. */
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
  /** The end of it. What a later claim is at is left to that one. */
  settle(claimed: Claimed, status: Exclude<DeliveryStatus, 'waiting'>, attempt: Attempt): Promise<void>;
  postpone(claimed: Claimed, until: Date, attempt: Attempt): Promise<void>;
  /** Gives it back untried. */
  release(claimed: Claimed, wait: number): Promise<void>;
  /** Tries at once what waits for a webhook, as if it had not been tried before. */
  beginAnew(webhookId: string): Promise<void>;
  /** Cancels what waits for webhooks that are not active. */
  cancelIdle(): Promise<void>;
  /** Forgets what was settled so many days ago, secrets that sign no more, and queues in which nothing waits. */
  tidy(days: number): Promise<void>;
  backlog(): Promise<Backlog>;
}

/** Deliveries to one webhook at the same time, on all instances; and while its receiver fails. */
const AT_ONCE = 8;
const AT_ONCE_FAILING = 2;
/** Rows of one statement that tidies. */
const CHUNK = 5_000;

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
      const rows = await sql.rows<Row>(claim, [most, lease, AT_ONCE, AT_ONCE_FAILING]);
      const claimed: Claimed[] = [];
      for (const { ownerId, isActive, isAdmin, ...row } of rows) {
        // Its first was settled by another just when this looked: what comes behind that one is there at the next look.
        if (row.number === null) await table.release(row as Claimed, 0);
        else claimed.push({ ...row, owner: { id: ownerId, isActive, isAdmin } });
      }
      return claimed;
    },
    async settle(claimed, status, { responseStatus, error, durationMs }) {
      await sql.rows(settle, [...key(claimed), claimed.number, status, responseStatus, error, durationMs]);
    },
    async postpone(claimed, until, { responseStatus, error, durationMs }) {
      await sql.rows(postpone, [...key(claimed), claimed.number, until, responseStatus, error, durationMs]);
    },
    release: async (claimed, wait) => void (await sql.rows(release, [...key(claimed), wait])),
    beginAnew: async (webhookId) => void (await sql.rows(beginAnew, [webhookId])),
    async cancelIdle() {
      while ((await sql.rows(cancelIdle, [CHUNK])).length === CHUNK);
    },
    async tidy(days) {
      await sql.rows(`delete from webhooks.secrets where ends_at < now()`);
      await sql.rows(`delete from webhooks.queues where waiting = 0`);
      while ((await sql.rows(forgetOld, [days, CHUNK])).length === CHUNK);
    },
    backlog: async () => (await sql.rows<Backlog>(backlog))[0]!,
  };
  return table;
}

// Each webhook's queues by when they are due, a few at a time; the first of every webhook before the second of any.
const claim = `
  with room as (
    select w.id, w.active, greatest(0, case when w.failures > 0 then $4::integer else $3::integer end
        - (select count(*) from webhooks.queues b where b.webhook_id = w.id and b.claimed_until > now())) as places
      from webhooks.webhooks w
     where exists (select from webhooks.queues q where q.webhook_id = w.id and q.due_at <= now())
  ), due as materialized (
    select d.webhook_id, d.lane, d.stream, row_number() over (partition by d.webhook_id) as place
      from room cross join lateral (
        select q.webhook_id, q.lane, q.stream from webhooks.queues q
         where q.webhook_id = room.id and q.due_at <= now() and (room.active or q.once)
         order by q.due_at limit room.places for update skip locked) d
     order by place limit $1
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
  update webhooks.webhooks w set failures = case when $6 = 'delivered' then 0 else failures + 1 end
    from freed where w.id = freed.webhook_id and (($6 = 'delivered' and failures > 0) or $6 = 'failed')`;

const postpone = `
  with freed as (
    update webhooks.queues set claimed_until = null, due_at = $6 where ${ofClaim} returning webhook_id
  ), postponed as (
    update webhooks.deliveries set next_attempt_at = $6, response_status = $7, error = $8, duration_ms = $9 from freed where number = $5
  )
  update webhooks.webhooks w set failures = failures + 1 from freed where w.id = freed.webhook_id`;

const release = `
  update webhooks.queues set claimed_until = null, due_at = case when waiting > 0 then now() + $5 * interval '1 millisecond' else 'infinity' end
   where ${ofClaim}`;

const beginAnew = `
  with waiting as materialized (
    select lane, stream from webhooks.queues
     where webhook_id = $1 and waiting > 0 and claimed_until is null and due_at > now() for update skip locked
  ), queued as (
    update webhooks.queues q set due_at = now() from waiting w where q.webhook_id = $1 and q.lane = w.lane and q.stream = w.stream
  )
  update webhooks.deliveries d set first_attempt_at = null, next_attempt_at = null from waiting w
   where d.webhook_id = $1 and d.lane = w.lane and d.stream = w.stream and d.status = 'waiting'`;

// Counted by what was cancelled: what was put behind it meanwhile is not seen here, and comes to its turn.
const cancelIdle = `
  with idle as materialized (
    select q.webhook_id, q.lane, q.stream from webhooks.queues q join webhooks.webhooks w on w.id = q.webhook_id
     where not w.active and not q.once and q.waiting > 0 and (q.claimed_until is null or q.claimed_until < now())
     limit $1 for update of q skip locked
  ), cancelled as (
    update webhooks.deliveries d set status = 'cancelled', settled_at = now(), next_attempt_at = null from idle i
     where d.webhook_id = i.webhook_id and d.lane = i.lane and d.stream = i.stream and d.status = 'waiting'
    returning d.webhook_id, d.lane, d.stream
  ), counted as (
    select i.*, (select count(*) from cancelled c where c.webhook_id = i.webhook_id and c.lane = i.lane and c.stream = i.stream) as gone from idle i
  )
  update webhooks.queues q set waiting = q.waiting - c.gone, due_at = case when q.waiting > c.gone then now() else 'infinity' end
    from counted c where q.webhook_id = c.webhook_id and q.lane = c.lane and q.stream = c.stream
  returning q.webhook_id`;

const forgetOld = `
  delete from webhooks.deliveries where number in (
    select number from webhooks.deliveries where status <> 'waiting' and settled_at < now() - $1 * interval '1 day' limit $2)
  returning number`;

const backlog = `
  select coalesce(sum(q.waiting), 0)::integer as waiting,
    min(q.due_at) filter (where q.due_at <= now() and w.active) as "overdueSince",
    (select count(*)::integer from webhooks.webhooks where active and failures > 0) as failing,
    (select count(*)::integer from webhooks.webhooks where disabled_at is not null) as disabled,
    (select count(*)::integer from webhooks.webhooks where active) as active
    from webhooks.queues q join webhooks.webhooks w on w.id = q.webhook_id where q.waiting > 0`;
