import { type RawBuilder, sql } from 'kysely';
import { doneStatus } from '../../events/task/workflow.ts';
import type { CounterRow } from '../../projections/listing/schema.ts';
import type { ReadTables } from '../read-tables.ts';
import { type SourceQuery, taskSource } from '../tasks/task-scope.ts';
import type { AsOf } from './as-of.ts';

type PastQuery = Omit<SourceQuery, 'deleted'> & { asOf: AsOf };

/**
 * The counts of then, as the kept counters would have told them: what is kept is of today only, so they are counted.
 * @param today what was due before this date was overdue then @param since what was created or completed on this date in UTC, or later, is recent
 */
export function pastCounts(
  tables: ReadTables,
  query: PastQuery,
  days: { today: string; since: string },
): RawBuilder<Pick<CounterRow, 'facet' | 'key' | 'n'>> {
  const recent = (facet: string, time: string) =>
    sql`select ${sql.lit(facet)}, '', count(*) from t where (${sql.raw(time)} at time zone 'UTC')::date >= ${days.since}::date`;
  return sql`with t as materialized (${pastTasks(tables, query)})
select facet, key, n::float8 as n from (
  select 'state' as facet, status || '/' || priority || '/' || case when shares = '{}' then 0 else 1 end as key, count(*) as n from t group by 2
  union all select 'tag', tag, count(*) from t cross join unnest(tags) tag group by 2
  union all select 'due', '', count(*) from t where due_date < ${days.today}::date and status not in (${sql.lit(doneStatus)}, 'cancelled')
  union all ${recent('created', 'created_at')}
  union all ${recent('completed', 'completed_at')}
  union all select 'comments', '', coalesce(sum(comment_count), 0) from t
) counted order by n desc, key collate "C"`;
}

/** The tags of then: `id`, how often each was used as a negative `key`, and how often on tasks that were done as `completed`. */
export function pastTags(tables: ReadTables, query: PastQuery): RawBuilder<unknown> {
  return sql`select tag collate "C" as id, -count(*)::bigint as key, count(*) filter (where status = ${sql.lit(doneStatus)}) as completed
    from (${pastTasks(tables, query)}) t cross join unnest(tags) tag group by 1`;
}

function pastTasks(tables: ReadTables, query: PastQuery): RawBuilder<unknown> {
  const source = taskSource(tables, { ...query, deleted: false });
  const conditions = sql.join(source.conditions, sql` and `);
  return sql`select t.* from ${source.from(true)} where ${conditions}`;
}
