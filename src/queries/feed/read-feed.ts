import { type RawBuilder, sql } from 'kysely';
import type { Position } from '../../events/store/event-store.ts';
import { typesWithShares } from '../../events/task/shares-seen.ts';
import type { FeedEventRow } from '../../projections/feed/schema.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

/** Whose feed it is. To an admin everybody's tasks are shown, but nobody else's account. */
export interface FeedReader {
  id: string;
  isAdmin: boolean;
}

export interface FeedQuery {
  reader: FeedReader;
  after: Position;
  /** Stored names; all when left out. */
  types?: readonly string[] | undefined;
  limit: number;
}

export interface FeedRow extends FeedEventRow {
  /** It took the reader's access away, and the reader has none now: nothing of the task is to be told. */
  lost: boolean;
  /** The reader may see with whom the task is shared. */
  sees_all_shares: boolean;
}

export interface FeedRows {
  rows: FeedRow[];
  /** How far the feed had come: up to there nothing is missing but what comes behind the last row when there is `more`. */
  reached: Position;
  more: boolean;
}

const columns = sql.raw('e.position, e.type, e.task_id, e.user_id, e.revision, e.title, e.status');
export const rowColumns = sql.raw('position::text as position, type, task_id, user_id, revision, title, status, lost, sees_all_shares');

/** The next events that somebody may see now, in global order. */
export async function readFeed(db: ReadDatabase, tables: ReadTables, { reader, after, types, limit }: FeedQuery): Promise<FeedRows> {
  const next = sql`e.position > ${after.toString()}::bigint${types ? sql` and e.type = any(${[...types]}::text[])` : sql``}`;
  const some = (part: RawBuilder<unknown>) => sql`(${part} and ${next} order by e.position limit ${sql.lit(limit + 1)})`;
  const parts = sql.join(partsFor(reader, tables).map(some), sql` union all `);
  const statement = sql<Partial<FeedRow> & { reached: string }>`
    select ${tables.feedReached}::text as reached, page.* from (select) one
    left join lateral (
      select ${rowColumns}
      from (${parts}) parts order by parts.position limit ${sql.lit(limit + 1)}
    ) page on true
    order by page.position::bigint`;
  const found = await db.rows(statement);
  const rows = found.filter((row): row is FeedRow & { reached: string } => row.position !== null);
  return { rows: rows.slice(0, limit), reached: BigInt(found[0]!.reached), more: rows.length > limit };
}

/** Each a selection of `e`, ready for one condition more. */
export function partsFor({ id, isAdmin }: FeedReader, { feedEvents, feedTasks, readers, losses }: ReadTables): RawBuilder<unknown>[] {
  const hasShares = sql`e.type = any(${[...typesWithShares]}::text[])`;
  const seesShares = sql`not ${hasShares} or exists (select from ${feedTasks} t where t.id = e.task_id and t.owner_id = ${id}::uuid)`;
  const own = sql`select ${columns}, false as lost, true as sees_all_shares from ${feedEvents} e where e.user_id = ${id}::uuid`;
  if (isAdmin)
    return [own, sql`select ${columns}, false as lost, true as sees_all_shares from ${feedEvents} e where e.task_id is not null`];
  return [
    own,
    sql`select ${columns}, false as lost, ${seesShares} as sees_all_shares
      from ${readers} r join ${feedEvents} e on e.task_id = r.task_id where r.user_id = ${id}::uuid`,
    sql`select ${columns}, true as lost, false as sees_all_shares from ${losses} l join ${feedEvents} e on e.position = l.position
      where l.user_id = ${id}::uuid and not exists (select from ${readers} r where r.user_id = l.user_id and r.task_id = l.task_id)`,
  ];
}
