import { type RawBuilder, sql } from 'kysely';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface ActivityStats {
  total_activities: number;
  by_action: Record<string, number>;
  by_resource: Record<string, number>;
  /** By date in the time zone of the offsets. */
  by_day: Record<string, number>;
}

interface Count {
  action: string;
  resource: string;
  day: string;
  n: number;
}

/** How far a time zone is ahead of UTC, in seconds: from each of the times until the next one, and as at the first one before it. */
export interface TimezoneOffsets {
  starts: readonly string[];
  seconds: readonly number[];
}

/** How much somebody did, and what, in one statement. */
export async function activityStats(
  db: ReadDatabase,
  tables: ReadTables,
  actorId: string,
  offsets: TimezoneOffsets,
): Promise<ActivityStats> {
  const counts = await db.rows(countsOf(tables, actorId, offsets), { prepared: true });
  return {
    total_activities: counts.reduce((all, { n }) => all + n, 0),
    by_action: addedUp(counts, 'action'),
    by_resource: addedUp(counts, 'resource'),
    by_day: addedUp(counts, 'day'),
  };
}

function addedUp(counts: readonly Count[], by: 'action' | 'resource' | 'day'): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const count of counts) sums[count[by]] = (sums[count[by]] ?? 0) + count.n;
  return sums;
}

function countsOf({ activity }: ReadTables, actorId: string, { starts, seconds }: TimezoneOffsets): RawBuilder<Count> {
  const period = sql`greatest(1, width_bucket(occurred_at, ${starts}::timestamptz[]))`;
  const offset = sql`make_interval(secs => (${seconds}::integer[])[${period}])`;
  return sql`select y.action, y.resource_type as resource, to_char(y.day, 'YYYY-MM-DD') as day, y.n::float8 as n
from (select action, resource_type, (occurred_at at time zone 'UTC' + ${offset})::date as day, count(*) as n
  from ${activity} where actor_id = ${actorId}::uuid group by 1, 2, 3) y
order by y.day, y.n desc, y.action`;
}
