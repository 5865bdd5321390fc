import { type RawBuilder, sql } from 'kysely';
import { type CursorForm, decodeCursor, encodeCursor } from './cursor.ts';
import { type Page, type PageRequest, pageNumber, rowsBefore } from './page.ts';
import type { ReadDatabase } from './read-database.ts';

/** A list of which a part can be asked for, whatever it is a list of. */
export interface PagedList extends CursorForm {
  /** Selects the `id` and the sort `key` of every row. */
  matching: RawBuilder<unknown>;
  descending: boolean;
  /** The JSON of an item, as text. */
  item: RawBuilder<string>;
  /** What it is made from: joins to `shown`, which has `id` and `key`; on a page also to `matching`, which has what was selected beside them. */
  joins: RawBuilder<unknown>;
  /** A statement that tells the total, where it can be had for less than by counting what `matching` selects. */
  total?: RawBuilder<unknown> | undefined;
  /** One of the few lists that are asked for all the time. */
  prepared?: boolean;
}

interface PartRow {
  items: string;
  last_key: string | null;
  last_id: string | null;
  more: boolean;
  total: number | null;
}

/** Reads a part of a list, its total included, in one statement. @throws Rejection INVALID_CURSOR */
export async function readPage(db: ReadDatabase, list: PagedList, request: PageRequest): Promise<Page> {
  const skipped = rowsBefore(request);
  const [part] = await db.rows(partOf(list, request), { prepared: list.prepared === true && skipped === 0 });
  const { items, last_key: key, last_id: id, more, total } = part!;
  return {
    items,
    total,
    page: pageNumber(request),
    perPage: request.size,
    pages: total === null ? null : Math.ceil(total / request.size),
    nextCursor: more && key !== null && id !== null ? encodeCursor({ key, id }, list) : null,
  };
}

/** All items of a list, each as JSON, in order. */
export function allItems({ matching, descending, item, joins }: PagedList): RawBuilder<{ item: string }> {
  const direction = directionOf(descending);
  return sql`with shown as (${matching})
select ${item} as item from shown ${joins}
order by shown.key ${direction}, shown.id ${direction}`;
}

/**
 * The planner takes `matching` in when it is used once, so that an index in the list's order is walked no further than the part reaches;
 * when the rows are counted too, they are found once and kept. The size is part of the text, because a plan for all sizes would be one
 * for large ones.
 */
function partOf(list: PagedList, request: PageRequest): RawBuilder<PartRow> {
  const { matching, descending, item, joins } = list;
  const direction = directionOf(descending);
  const size = sql.lit(request.size);
  const skipped = rowsBefore(request);
  return sql`with matching as (${matching}),
picked as (select id, key from matching ${behindCursor(list, request)} order by key ${direction}, id ${direction}
  limit ${sql.lit(request.size + 1)} ${skipped === 0 ? sql`` : sql`offset ${skipped}::bigint`}),
shown as (select id, key, row_number() over (order by key ${direction}, id ${direction}) as place from picked)
select coalesce((select string_agg(${item}, ',' order by shown.place) from shown ${joins} where shown.place <= ${size}), '') as items,
  (select to_json(key) #>> '{}' from shown where place = ${size}) as last_key,
  (select id::text from shown where place = ${size}) as last_id,
  (select count(*) from picked) > ${size} as more,
  ${totalOf(list, request)}::float8 as total`;
}

function behindCursor(list: PagedList, request: PageRequest): RawBuilder<unknown> {
  if (request.by !== 'cursor') return sql``;
  const { key, id } = decodeCursor(request.cursor, list);
  const { keyType, idType, descending } = list;
  return sql`where (key, id) ${sql.raw(descending ? '<' : '>')} (${key}::${sql.raw(keyType.sqlType)}, ${id}::${sql.raw(idType.sqlType)})`;
}

function totalOf({ total }: PagedList, request: PageRequest): RawBuilder<unknown> {
  if (request.by === 'cursor' && !request.includeTotal) return sql`null`;
  return sql`(${total ?? sql`select count(*) from matching`})`;
}

function directionOf(descending: boolean): RawBuilder<unknown> {
  return sql.raw(descending ? 'desc' : 'asc');
}
