import { type RawBuilder, sql } from 'kysely';
import { jsonRow, utcTime } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface DeadLetterList {
  subscriber?: readonly string[] | undefined;
}

/** What subscribers could not handle, the oldest first. @throws Rejection INVALID_CURSOR */
export function listDeadLetters(db: ReadDatabase, tables: ReadTables, list: DeadLetterList, request: PageRequest): Promise<Page> {
  const { deadLetters } = tables;
  const of = list.subscriber ? sql` and d.subscriber = any(${[...list.subscriber]}::text[])` : sql``;
  const where = sql`${deadLetters} d where d.failed_at is not null${of}`;
  return readPage(
    db,
    {
      matching: sql`select d.id, d.put_aside_at as key from ${where}`,
      descending: false,
      keyType: keyTypes.time,
      idType: keyTypes.uuid,
      ...describedBy(tables),
      total: sql`select count(*) from ${where}`,
      list: ['dead letters', list],
    },
    request,
  );
}

/** One of them, as its JSON. */
export async function findDeadLetter(db: ReadDatabase, tables: ReadTables, id: string): Promise<string | null> {
  const { item, joins } = describedBy(tables);
  const [found] = await db.rows(sql<{ item: string }>`select ${item} as item from (select ${id}::uuid as id) shown ${joins}`);
  return found?.item ?? null;
}

/** So many of what waits behind one are named. */
const NAMED = 20;

function describedBy({ deadLetters }: ReadTables): { item: RawBuilder<string>; joins: RawBuilder<unknown> } {
  return {
    item,
    joins: sql`join ${deadLetters} d on d.id = shown.id
      cross join lateral (
        select count(*)::int as count, coalesce(json_agg(${eventOf('w')} order by w.revision) filter (where w.place <= ${sql.lit(NAMED)}), '[]') as events
        from (
          select w.*, row_number() over (order by w.revision) as place from ${deadLetters} w
          where w.subscriber = d.subscriber and w.stream = d.stream and w.revision > d.revision
        ) w
      ) behind`,
  };
}

function eventOf(alias: string): RawBuilder<unknown> {
  return sql.raw(
    `json_build_object('id', ${alias}.event_id, 'type', ${alias}.type, 'subject', regexp_replace(${alias}.stream, '^(task|user)-', '\\1s/'), 'revision', ${alias}.revision)`,
  );
}

const item: RawBuilder<string> = sql`${sql.raw(
  jsonRow(`d.id, d.subscriber, case when d.state = 'failed' then 'failed' else 'retrying' end as state,
  (json_build_object('id', d.event_id, 'type', d.type, 'subject', regexp_replace(d.stream, '^(task|user)-', '\\1s/'), 'revision', d.revision)) as event,
  d.error, d.attempts, ${utcTime('d.put_aside_at')} as put_aside_at, ${utcTime('d.failed_at')} as failed_at,
  json_build_object('count', behind.count, 'events', behind.events) as waiting`),
)}`;
