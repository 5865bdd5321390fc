import { type RawBuilder, sql } from 'kysely';
import { doneStatus } from '../../events/task/workflow.ts';
import { nameCollation } from '../../platform/text/schema.ts';
import type { CounterRow } from '../../projections/listing/schema.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import { countersOf, holding, isCounted, isVisible, type SourceQuery, taskSource } from '../tasks/task-scope.ts';
import { type AsOf, versionAt } from './as-of.ts';

export type PastQuery = Pick<SourceQuery, 'scope' | 'reader'> & { asOf: AsOf };

/** To look up one task that has changed is so many times the work of counting one in a row. */
const HEAVIER = 4;

/** Whether so `few` tasks have changed since that it is less work to take their changes back than to count what the reader had then. */
export function fewChangedSince({ counters, lastChanges }: ReadTables, { scope, reader, asOf }: PastQuery): RawBuilder<{ few: boolean }> {
  const kept = sql`select coalesce(sum(c.n), 0)::bigint / ${sql.lit(HEAVIER)} from ${counters} c
    where ${countersOf(scope, reader)} and c.facet = 'state'`;
  return sql`with most as materialized (select (${kept}) as n)
    select (select count(*) from (select from ${lastChanges} where position > ${asOf}::bigint limit (select n + 1 from most)) c)
      <= (select n from most) as few`;
}

/** The same, as a statement of its own: then what is asked next can be another. */
export async function haveFewChangedSince(db: ReadDatabase, tables: ReadTables, query: PastQuery): Promise<boolean> {
  return (await db.rows(fewChangedSince(tables, query)))[0]!.few;
}

/**
 * The counts of then, as the kept counters would have told them.
 * @param kept the counts of today, of which is taken back what has changed since; what is left out is counted one by one
 * @param days what was due before `today` was overdue then; what was created or completed at the time `since`, or later, is recent
 */
export function pastCounts(
  tables: ReadTables,
  query: PastQuery,
  days: { today: string; since: string },
  kept?: RawBuilder<unknown>,
): RawBuilder<Pick<CounterRow, 'facet' | 'key' | 'n'>> {
  const recent = (facet: string, time: string) =>
    sql`select ${sql.lit(facet)}, '', sum(n) from t where ${sql.raw(time)} >= ${days.since}::timestamptz`;
  return sql`with ${counted(tables, query, kept !== undefined)}
select facet, key, sum(n)::float8 as n from (
  select 'state' as facet, status || '/' || priority || '/' || case when shares = '{}' then 0 else 1 end as key, sum(n) as n from t group by 2
  union all select 'tag', tag, sum(n) from t cross join unnest(tags) tag group by 2
  union all select 'due', '', sum(n) from t where due_date < ${days.today}::date and status not in (${sql.lit(doneStatus)}, 'cancelled')
  union all ${recent('created', 'created_at')}
  union all ${recent('completed', 'completed_at')}
  union all select 'comments', '', sum(n * (comments_by_author ->> ${query.reader.id})::integer) from t
  ${kept ? sql`union all ${kept}` : sql``}
) counted group by 1, 2 having sum(n) <> 0 order by 3 desc, key collate "C"`;
}

/**
 * The tags of then: `id`, how often each was used as a negative `key`, and how often on tasks that were done as `completed`.
 * @param fewChanged whether what has changed since is to be taken back from the counts of today
 */
export function pastTags(tables: ReadTables, query: PastQuery, fewChanged: boolean): RawBuilder<unknown> {
  const { scope, reader } = query;
  const kept = sql`union all select c.key, case c.facet when 'tag' then c.n else 0 end, case c.facet when 'tag_done' then c.n else 0 end
      from ${tables.counters} c where ${countersOf(scope, reader)} and c.facet in ('tag', 'tag_done')`;
  return sql`with ${counted(tables, query, fewChanged)}
  select tag collate ${sql.raw(nameCollation)} as id, -sum(n)::bigint as key, sum(done)::bigint as completed from (
    select tag, sum(n) as n, coalesce(sum(n) filter (where status = ${sql.lit(doneStatus)}), 0) as done
      from t cross join unnest(tags) tag group by 1
    ${fewChanged ? kept : sql``}
  ) used group by 1 having sum(n) <> 0`;
}

/** `t`: the tasks that are counted, each `n` times. */
function counted(tables: ReadTables, query: PastQuery, fewChanged: boolean): RawBuilder<unknown> {
  return fewChanged ? changedSince(tables, query) : sql`t as materialized (select 1 as n, t.* from ${pastTasks(tables, query)})`;
}

function pastTasks(tables: ReadTables, query: PastQuery): RawBuilder<unknown> {
  const source = taskSource(tables, { ...query, deleted: false });
  return sql`${source.from(true)} where ${sql.join(source.conditions, sql` and `)}`;
}

/** `t`: what has changed since, as it was then with `n` 1 and, to be taken away, as it is counted today with -1. */
export function changedSince(tables: ReadTables, { scope, reader, asOf }: PastQuery): RawBuilder<unknown> {
  const { lastChanges, tasks, versions } = tables;
  const columns = sql.raw(
    't.status, t.priority, t.shares, t.tags, t.due_date, t.assignee_id, t.created_at, t.completed_at, t.comments_by_author',
  );
  const were = [sql`t.deleted_at is null`, isVisible(tables, scope, reader, sql`c.task_id`), ...holding(scope, reader)];
  return sql`changed as materialized (select task_id from ${lastChanges} where position > ${asOf}::bigint),
t as materialized (
  select 1 as n, ${columns} from changed c cross join lateral ${versionAt(versions, sql`c.task_id`, asOf)} t
    where ${sql.join(were, sql` and `)}
  union all
  select -1, ${columns} from changed c join ${tasks} t on t.id = c.task_id
    where t.deleted_at is null and ${isCounted(tables, scope, reader, sql`c.task_id`)}
)`;
}
