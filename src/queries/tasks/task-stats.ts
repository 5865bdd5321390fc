import { type RawBuilder, sql } from 'kysely';
import { doneStatus } from '../../events/task/workflow.ts';
import { type Priority, priorities, type Status, statuses } from '../../events/values.ts';
import type { CounterRow } from '../../projections/listing/schema.ts';
import type { AsOf } from '../history/as-of.ts';
import { haveFewChangedSince, pastCounts } from '../history/past-counts.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import { countersOf, type Reader, requireScope, type TaskScope, taskSource } from './task-scope.ts';

export interface TaskStats {
  total: number;
  completed: number;
  incomplete: number;
  /** Of all, 0 to 1. */
  completion_rate: number;
  overdue: number;
  by_status: Record<Status, number>;
  by_priority: Record<Priority, number>;
  by_tag: Record<string, number>;
  /** Tasks with at least one share. */
  tasks_shared: number;
  /** The reader's own comments that stand on the tasks. */
  comments_posted: number;
  created_last_7_days: number;
  completed_last_7_days: number;
}

export interface TaskStatsQuery {
  reader: Reader;
  scope: TaskScope;
  /** The reader's date: what was due before it is overdue. */
  today: string;
  /** When the last seven days began; ISO. */
  recentSince: string;
  /** As it was then; the days are those of then too. */
  asOf?: AsOf | undefined;
}

type Count = Pick<CounterRow, 'facet' | 'key' | 'n'>;

/**
 * Adds up kept counts: what it costs does not depend on the number of tasks; as of a time, on how many have changed since.
 * @throws Rejection ADMIN_ONLY
 */
export async function taskStats(db: ReadDatabase, tables: ReadTables, query: TaskStatsQuery): Promise<TaskStats> {
  requireScope(query.scope, query.reader);
  const { asOf, today, recentSince } = query;
  if (asOf) {
    const past = { ...query, asOf };
    const kept = (await haveFewChangedSince(db, tables, past)) ? countsOf(tables, query) : undefined;
    return addUp(await db.rows(pastCounts(tables, past, { today, since: recentSince }, kept)));
  }
  return addUp(await db.rows(sql<Count>`${countsOf(tables, query)} order by 3 desc, 2`, { prepared: true }));
}

/**
 * Of what is recent, the days in UTC that are recent as a whole have kept counts; the rows of the day before them are counted, unless the
 * caller's days are those in UTC.
 */
function countsOf(tables: ReadTables, query: TaskStatsQuery): RawBuilder<Count> {
  const { reader, scope, today, recentSince } = query;
  const firstDay = firstWholeDay(recentSince);
  return sql`select facet, key, sum(n)::float8 as n from (
select c.facet, case when c.facet in ('state', 'tag') then c.key collate "C" else '' end as key, c.n
from ${tables.counters} c
where ${countersOf(scope, reader)} and (c.facet in ('state', 'tag') or c.facet = 'comments' and c.key = ${scope === 'everyone' ? reader.id : ''}
  or c.facet = 'due' and c.key collate "C" < ${today}
  or c.facet in ('created', 'completed') and c.key collate "C" >= ${firstDay})
${
  Date.parse(recentSince) === Date.parse(firstDay)
    ? sql``
    : sql`union all select 'created', '', ${createdBetween(tables, query, firstDay)}
union all select 'completed', '', ${completedBetween(tables, query, firstDay)}`
}
) counted group by 1, 2`;
}

function createdBetween(tables: ReadTables, { reader, scope, recentSince }: TaskStatsQuery, firstDay: string): RawBuilder<unknown> {
  const { id, createdAt, from, conditions } = taskSource(tables, { scope, reader, deleted: false });
  return sql`(select count(${id}) from ${from(false)} where ${sql.join([...conditions], sql` and `)}
  and ${createdAt} >= ${recentSince}::timestamptz and ${createdAt} < (${firstDay}::timestamp at time zone 'UTC'))`;
}

function completedBetween(tables: ReadTables, { reader, scope, recentSince }: TaskStatsQuery, firstDay: string): RawBuilder<unknown> {
  const { id, from, conditions } = taskSource(tables, { scope, reader, deleted: false });
  return sql`(select count(*) from ${tables.taskStates} s join ${from(false)} on s.task_id = ${id}
  where ${sql.join([...conditions], sql` and `)}
  and s.completed_at >= ${recentSince}::timestamptz and s.completed_at < (${firstDay}::timestamp at time zone 'UTC'))`;
}

/** The first date in UTC that begins at this time or later. */
function firstWholeDay(time: string): string {
  return new Date(Math.ceil(Date.parse(time) / DAY_MS) * DAY_MS).toISOString().slice(0, 10);
}

const DAY_MS = 24 * 3600 * 1000;

function addUp(counts: readonly Count[]): TaskStats {
  const states = counts.filter(({ facet }) => facet === 'state').map(({ key, n }) => ({ parts: key.split('/'), n }));
  const inState = (part: number, value: string) => sum(states.filter(({ parts }) => parts[part] === value));
  const ofFacet = (facet: Count['facet']) => sum(counts.filter((count) => count.facet === facet));
  const total = sum(states);
  const completed = inState(0, doneStatus);
  return {
    total,
    completed,
    incomplete: total - completed,
    completion_rate: total === 0 ? 0 : completed / total,
    overdue: ofFacet('due'),
    by_status: tabled(statuses, (status) => inState(0, status)),
    by_priority: tabled(priorities, (priority) => inState(1, priority)),
    by_tag: Object.fromEntries(counts.filter(({ facet }) => facet === 'tag').map(({ key, n }) => [key, n])),
    tasks_shared: inState(2, '1'),
    comments_posted: ofFacet('comments'),
    created_last_7_days: ofFacet('created'),
    completed_last_7_days: ofFacet('completed'),
  };
}

function tabled<K extends string>(keys: readonly K[], count: (key: K) => number): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, count(key)])) as Record<K, number>;
}

function sum(counts: readonly { n: number }[]): number {
  return counts.reduce((all, { n }) => all + n, 0);
}
