import { type RawBuilder, sql } from 'kysely';
import { doneStatus } from '../../events/task/workflow.ts';
import { type AsOf, timeAt } from '../history/as-of.ts';
import { changedSince, fewChangedSince } from '../history/past-counts.ts';
import type { ReadTables } from '../read-tables.ts';
import { type TaskFilters, waysOf, withoutWays } from './task-filters.ts';
import { countersOf, isVisible, type Reader, type TaskScope } from './task-scope.ts';

export interface TotalQuery {
  reader: Reader;
  scope: TaskScope;
  filters: TaskFilters;
  /** The reader's date. */
  today: string;
  asOf?: AsOf | undefined;
  /** All that the filters ask for of the past, as conditions on the version `t`. */
  onTask: readonly RawBuilder<unknown>[];
  /** Counts the tasks one by one. */
  counted: RawBuilder<unknown>;
}

/** How many tasks a list has, from what is kept; undefined where more is asked than is kept. */
export function keptTotal(tables: ReadTables, query: TotalQuery): RawBuilder<unknown> | undefined {
  const { scope, filters, asOf } = query;
  const { status, priority, completed, overdue, deleted, assignee, ...others } = asOf ? filters : withoutWays(filters);
  if (deleted || isAny(others) || (assignee !== undefined && assignee !== 'none')) return undefined;
  const ofState = isAny({ status, priority, completed, assignee });
  const isPlain = !ofState && overdue === undefined && (scope === 'all' || scope === 'everyone');
  if (asOf && isPlain) return pastTotal(tables, query, asOf);
  if (overdue === false || (overdue && ofState)) return undefined;
  const today = overdue ? overdueTotal(tables, query) : todaysTotal(tables, query);
  return asOf ? lessChanged(tables, query, asOf, today) : today;
}

function isAny(filters: TaskFilters): boolean {
  return Object.values(filters).some((filter) => filter !== undefined);
}

/** The counts that are kept tell how many tasks there are of each status and priority, with and without an assignee. */
function todaysTotal(tables: ReadTables, query: TotalQuery): RawBuilder<unknown> {
  const { status, priority, completed, assignee } = query.filters;
  const conditions = [sql`c.facet = 'state'`];
  if (status) conditions.push(sql`split_part(c.key, '/', 1) = any(${status}::text[])`);
  if (priority) conditions.push(sql`split_part(c.key, '/', 2) = any(${priority}::text[])`);
  if (completed !== undefined) conditions.push(sql`(split_part(c.key, '/', 1) = ${sql.lit(doneStatus)}) = ${completed}::boolean`);
  if (assignee === 'none') conditions.push(sql`split_part(c.key, '/', 4) = '0'`);
  return sumOf(tables, query, conditions);
}

/** And on which dates those are due that are open. */
function overdueTotal(tables: ReadTables, query: TotalQuery): RawBuilder<unknown> {
  return sumOf(tables, query, [sql`c.facet = 'due'`, sql`c.key collate "C" < ${query.today}`]);
}

function sumOf({ counters }: ReadTables, { scope, reader, filters }: TotalQuery, conditions: RawBuilder<unknown>[]): RawBuilder<unknown> {
  const all = sql.join([countersOf(scope, reader, waysOf(filters)), ...conditions], sql` and `);
  return sql`select coalesce(sum(c.n), 0) as n from ${counters} c where ${all}`;
}

/** To look at one row of what came and went is so many times less work than to look up one version. */
const LIGHTER = 20;

/**
 * As many as there are, less what has come and gone since: first what was created later, then one by one the others whose coming or going
 * was later. Counted anew where that is less work, for somebody who has little of what there is.
 */
function pastTotal(tables: ReadTables, query: TotalQuery, asOf: AsOf): RawBuilder<unknown> {
  const { presence, access } = tables;
  const { reader, scope, counted } = query;
  const came = sql`${presence} p where p.position > ${asOf}::bigint`;
  if (scope === 'everyone') return sql`select (${todaysTotal(tables, query)}) - coalesce(sum(p.delta), 0) from ${came}`;
  const then = timeAt(tables, asOf);
  return sql`with kept as materialized (${todaysTotal(tables, query)}),
    since as materialized (
      select count(*) as n, coalesce(sum(p.delta) filter (where p.created_at <= ${then} and ${isVisible(tables, scope, reader, sql`p.task_id`)}), 0) as more
      from (select * from ${came} limit (select ${sql.lit(LIGHTER)} * n from kept)) p
    )
    select case when since.n < ${sql.lit(LIGHTER)} * kept.n
      then kept.n - (select count(*) from ${access} a where a.user_id = ${reader.id}::uuid and a.created_at > ${then}) - since.more
      else (${counted}) end from kept, since`;
}

/** As many as there are, with the changes since taken back; counted anew where that is less work. */
function lessChanged(tables: ReadTables, query: TotalQuery, asOf: AsOf, today: RawBuilder<unknown>): RawBuilder<unknown> {
  const past = { ...query, asOf };
  return sql`with ${changedSince(tables, past)}
    select case when (${fewChangedSince(tables, past)})
      then (${today}) + (select coalesce(sum(t.n), 0) from t where ${sql.join([sql`true`, ...query.onTask], sql` and `)})
      else (${query.counted}) end`;
}
