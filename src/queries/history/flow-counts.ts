import { type RawBuilder, sql } from 'kysely';
import { doneStatus } from '../../events/task/workflow.ts';
import { type Status, statuses } from '../../events/values.ts';
import type { ReadTables } from '../read-tables.ts';
import { holding, type Reader, type TaskScope, versionsSeen } from '../tasks/task-scope.ts';

export interface FlowQuery {
  reader: Reader;
  scope: TaskScope;
  /** The buckets, each from its time on until the next one's; ISO, ascending. */
  starts: readonly string[];
  /** Where the last bucket ends. */
  end: string;
  /** What is still open is as old as at this time. */
  now: string;
}

/** In seconds; null where there is nothing to measure. */
export interface Spread {
  p50: number | null;
  p85: number | null;
  p95: number | null;
  /** How many tasks were measured. */
  count: number;
}

/** A task that was open last; its times in seconds. */
export interface Ageing {
  task_id: string;
  title: string;
  status: Status;
  age: number;
  time_in_status: number;
}

/** How many versions began or ended in a bucket; 0 is what was before the first one. */
export interface Move {
  bucket: number;
  status: Status;
  n: number;
}

export interface FlowCounts {
  came: (Move & { created: number; completed: number })[];
  went: Move[];
  times: { lead: Spread; cycle: Spread };
  in_status: Partial<Record<Status, Spread>>;
  ageing: Ageing[];
}

const never = sql.raw('9223372036854775807');
const AGEING_AT_MOST = 100;
const percentiles = 'array[0.5, 0.85, 0.95]';
const names = sql.raw(`array[${statuses.map((status) => `'${status}'`).join(', ')}]`);

const spread = (p: string, n: string) => sql.raw(`json_build_object('p50', (${p})[1], 'p85', (${p})[2], 'p95', (${p})[3], 'count', ${n})`);
const measured = (seconds: string, as: string) =>
  sql.raw(`percentile_cont(${percentiles}) within group (order by ${seconds}) as ${as}, count(${seconds}) as ${as}_n`);
const bucketOf = (position: string) => sql.raw(`width_bucket(${position}, (select at from edges))`);
const seconds = (from: string, to: string) => sql.raw(`greatest(0, date_part('epoch', ${to} - ${from}))`);

/**
 * Everything that the statistics are made of, as one JSON, from one snapshot.
 *
 * What had ended before the first bucket is in none and changes nothing.
 * A version began in the bucket `since` and ended in `until`: 0 is before the first bucket, one more than there are is later than the last.
 * In `entered` the task had come into its status: a deletion that was taken back is another version and no other completion.
 *
 * `offset 0` keeps the planner from taking each position for a bucket of its own, and from sorting what a few hashes hold.
 */
export function flowCounts(tables: ReadTables, query: FlowQuery): RawBuilder<{ counts: FlowCounts }> {
  const { versions } = tables;
  const done = sql.lit(doneStatus);
  return sql`with ${edges(tables, query)},
moved as (
  select since, until, status, count(*) as n, count(*) filter (where revision = 0) as created,
    count(*) filter (where status = ${done} and entered = since and until > since) as completed
  from (
    select t.status, t.revision, ${bucketOf('t.valid_from')} as since, ${bucketOf('t.entered_from')} as entered,
      coalesce(${bucketOf('t.valid_to')}, ${sql.lit(query.starts.length + 1)}) as until
    from ${held(tables, query)} where ${conditions(query)} and (t.valid_to is null or t.valid_to >= (select at[1] from edges))
    offset 0
  ) v group by grouping sets ((since, status), (until, status))
),
standing as materialized (
  select t.id, t.valid_from, t.status, t.created_at, t.completed_at, t.entered_from, t.entered_at, t.started_at, t.spent
  from ${held(tables, query)}
  where ${conditions(query)} and t.valid_from < (select last from edges) and (t.valid_to is null or t.valid_to >= (select last from edges))
),
finished as (
  select ${seconds('created_at', 'done_at')} as lead, case when started_at is not null then ${seconds('started_at', 'done_at')} end as cycle, spent
  from (select s.*, coalesce(completed_at, entered_at) as done_at from standing s) s
  where status = ${done} and entered_from >= (select at[1] from edges)
),
in_status as (
  select name as status, percentile_cont(${sql.raw(percentiles)}) within group (order by milliseconds / 1000::float8) as p, count(*) as n
  from finished cross join lateral unnest(${names}, spent) s (name, milliseconds) where milliseconds is not null group by 1
)
select json_build_object(
  'came', (select coalesce(json_agg(json_build_object('bucket', since, 'status', status, 'n', n, 'created', created, 'completed', completed)), '[]')
    from moved where since is not null),
  'went', (select coalesce(json_agg(json_build_object('bucket', until, 'status', status, 'n', n)), '[]') from moved where until is not null),
  'times', (select json_build_object('lead', ${spread('lead', 'lead_n')}, 'cycle', ${spread('cycle', 'cycle_n')})
    from (select ${measured('lead', 'lead')}, ${measured('cycle', 'cycle')} from finished) f),
  'in_status', (select coalesce(json_object_agg(status, ${spread('p', 'n')}), '{}') from in_status),
  'ageing', (select coalesce(json_agg(json_build_object('task_id', o.id, 'title', v.title, 'status', o.status,
      'age', ${seconds('o.created_at', 'o.now')}, 'time_in_status', ${seconds('o.entered_at', 'o.now')}) order by o.created_at, o.id), '[]')
    from (select s.*, ${query.now}::timestamptz as now from standing s where status not in (${done}, 'cancelled')
      order by created_at, id limit ${sql.lit(AGEING_AT_MOST)}) o join ${versions} v on v.id = o.id and v.valid_from = o.valid_from)
) as counts`;
}

/** The first position of each bucket, and the first behind the last: what happened at a time is where the log had come to by then. */
function edges({ moments }: ReadTables, { starts, end }: FlowQuery): RawBuilder<unknown> {
  return sql`edges as materialized (
  select at, at[cardinality(at)] as last from (
    select array_agg(coalesce((select m.position from ${moments} m where m.effective_at >= e.at order by m.effective_at limit 1), ${never})
      order by e.number) as at
    from unnest(${[...starts, end]}::timestamptz[]) with ordinality e (at, number)
  ) e
)`;
}

/** The versions `t` of what the reader may see now. */
function held(tables: ReadTables, { reader, scope }: FlowQuery): RawBuilder<unknown> {
  if (scope === 'everyone') return sql`${tables.versions} t`;
  return sql`${versionsSeen(tables, reader)} t`;
}

/** Of these, those that were there and that the reader had. */
function conditions({ reader, scope }: FlowQuery): RawBuilder<unknown> {
  return sql.join([sql`t.deleted_at is null`, ...holding(scope, reader)], sql` and `);
}
