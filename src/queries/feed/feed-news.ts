import { sql } from 'kysely';
import type { Position } from '../../events/store/event-store.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface NewsQuery {
  after: Position;
  /** Who wants to know, other than admins. */
  people: readonly string[];
}

export interface News {
  reached: Position;
  /** Those of the people for whom there is something; null when there is so much that it may be anybody. */
  concerned: readonly string[] | null;
  /** Whether something happened to any task. */
  onTasks: boolean;
}

/** Beyond so many new events, finding out for whom they are is more work than to let everybody look. */
const LOOKED_AT = 1_000;

/** For whom there is something new behind a position. */
export async function feedNews(db: ReadDatabase, tables: ReadTables, { after, people }: NewsQuery): Promise<News> {
  const { feedEvents, readers, losses, feedReached } = tables;
  const position = after.toString();
  const statement = sql<{ reached: string; count: number; tasks: number; concerned: string[] }>`
    with fresh as materialized (
      select position, task_id, user_id from ${feedEvents} where position > ${position}::bigint order by position limit ${sql.lit(LOOKED_AT)}
    ), wanted as (select unnest(${[...people]}::uuid[]) as id)
    select ${feedReached}::text as reached, (select count(*)::int from fresh) as count, (select count(task_id)::int from fresh) as tasks,
      array(
        select r.user_id from (select distinct task_id from fresh) f join ${readers} r on r.task_id = f.task_id join wanted w on w.id = r.user_id
        union select l.user_id from ${losses} l join wanted w on w.id = l.user_id where l.position > ${position}::bigint
        union select f.user_id from fresh f join wanted w on w.id = f.user_id
      )::text[] as concerned`;
  const [row] = await db.rows(statement);
  const { reached, count, tasks, concerned } = row!;
  return { reached: BigInt(reached), concerned: count === LOOKED_AT ? null : concerned, onTasks: tasks > 0 };
}
