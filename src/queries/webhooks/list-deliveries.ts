import { type RawBuilder, sql } from 'kysely';
import { jsonRow, utcTime } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { type PagedList, readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface DeliveryList {
  webhookId: string;
  status?: readonly string[] | undefined;
  kind?: readonly string[] | undefined;
  /** As they are told. */
  types?: readonly string[] | undefined;
  eventId?: string | undefined;
  /** ISO times with milliseconds, both included. */
  queued?: { after?: string | undefined; before?: string | undefined } | undefined;
}

const times = ['queued_at', 'first_attempt_at', 'last_attempt_at', 'next_attempt_at', 'settled_at'] as const;
const renamed: Partial<Record<(typeof times)[number], string>> = { queued_at: 'created_at' };

/** What was, is and is to be sent to a webhook, newest first. Whose it is, is for the caller to know. @throws Rejection INVALID_CURSOR */
export function listDeliveries(db: ReadDatabase, tables: ReadTables, list: DeliveryList, request: PageRequest): Promise<Page> {
  return readPage(db, pagedDeliveries(tables, list), request);
}

/** One of them, as its JSON. */
export async function findDelivery(db: ReadDatabase, tables: ReadTables, id: string): Promise<string | null> {
  const { item, joins } = describedBy(tables);
  const [found] = await db.rows(sql<{ item: string }>`select ${item} as item from (select ${id}::uuid as id) shown ${joins}`);
  return found?.item ?? null;
}

function pagedDeliveries(tables: ReadTables, list: DeliveryList): PagedList {
  const where = sql`${tables.deliveries} d where ${sql.join(conditions(list), sql` and `)}`;
  return {
    matching: sql`select d.id, d.queued_at as key from ${where}`,
    descending: true,
    keyType: keyTypes.time,
    idType: keyTypes.uuid,
    ...describedBy(tables),
    total: sql`select count(*) from ${where}`,
    list: ['deliveries', list],
  };
}

/** The position, which is another after a move of the log, is the read model's to tell; null where that has not come to it. */
function describedBy({ deliveries, feedEvents }: ReadTables): Pick<PagedList, 'item' | 'joins'> {
  return {
    item,
    joins: sql`join ${deliveries} d on d.id = shown.id
      cross join lateral (select ${idIn('task')} as task_id, ${idIn('user')} as user_id) s
      left join lateral (
        select e.position from ${feedEvents} e where e.task_id = s.task_id and e.revision = d.revision
        union all select e.position from ${feedEvents} e where e.user_id = s.user_id and e.revision = d.revision
        limit 1
      ) e on true`,
  };
}

function idIn(kind: 'task' | 'user'): RawBuilder<unknown> {
  return sql.raw(`case when d.stream like '${kind}-%' then substr(d.stream, 6)::uuid end`);
}

function conditions({ webhookId, status, kind, types, eventId, queued }: DeliveryList): RawBuilder<unknown>[] {
  const all = [sql`d.webhook_id = ${webhookId}::uuid`];
  if (status) all.push(sql`d.status = any(${[...status]}::text[])`);
  if (kind) all.push(sql`d.kind = any(${[...kind]}::text[])`);
  if (types) all.push(sql`d.type = any(${[...types]}::text[])`);
  if (eventId !== undefined) all.push(sql`d.event_id = ${eventId}::uuid`);
  if (queued?.after !== undefined) all.push(sql`d.queued_at >= ${queued.after}::timestamptz`);
  if (queued?.before !== undefined) all.push(sql`d.queued_at <= ${queued.before}::timestamptz`);
  return all;
}

const item: RawBuilder<string> = sql.raw(
  jsonRow(`d.id, d.webhook_id, d.kind, d.event_id, d.type, e.position::text as position, d.revision, d.stream as partitionkey, d.status,
  d.attempts, d.response_status, d.error, d.duration_ms, ${times.map((time) => `${utcTime(`d.${time}`)} as ${renamed[time] ?? time}`).join(', ')}`),
);
