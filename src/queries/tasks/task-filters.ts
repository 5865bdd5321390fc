import { type RawBuilder, sql } from 'kysely';
import { doneStatus } from '../../events/task/workflow.ts';
import type { Priority, Status } from '../../events/values.ts';
import { ASSIGNED, OWNED, sortKeys } from '../../projections/listing/schema.ts';
import type { ReadTables } from '../read-tables.ts';
import type { Reader, Source } from './task-scope.ts';

/** Somebody as a filter names them. */
export type PersonFilter = 'me' | { id: string } | { username: string };

/** Bounds, both included: ISO times with milliseconds, or for due dates `YYYY-MM-DD`. */
export interface Range {
  after?: string | undefined;
  before?: string | undefined;
}

/** What a task must be to be listed: all that is given. */
export interface TaskFilters {
  status?: readonly Status[] | undefined;
  priority?: readonly Priority[] | undefined;
  /** All of them. */
  tags?: readonly string[] | undefined;
  tagsAny?: readonly string[] | undefined;
  completed?: boolean | undefined;
  overdue?: boolean | undefined;
  search?: string | undefined;
  owner?: PersonFilter | undefined;
  assignee?: PersonFilter | 'none' | undefined;
  due?: Range | undefined;
  created?: Range | undefined;
  updated?: Range | undefined;
  deleted?: boolean | undefined;
}

export interface FilterContext {
  tables: ReadTables;
  source: Source;
  reader: Reader;
  /** The reader's date, `YYYY-MM-DD`. */
  today: string;
}

/**
 * Conditions on the source alone, on the last change `u` of a source that has it, and on the task's row `t`; what is searched for is a
 * source of its own.
 */
export function filterConditions(filters: TaskFilters, context: FilterContext) {
  const { source } = context;
  const { has, ordered } = source;
  const ways = has ? waysOf(filters) : [];
  const others = has ? withoutWays(filters) : filters;
  const updated = inRange(ordered ? sql`u.updated_at` : sql`t.updated_at`, 'timestamptz', filters.updated);
  return {
    onSource: [...inRange(source.createdAt, 'timestamptz', filters.created), ...ways.map((way) => has!(way))],
    onLastChange: ordered ? updated : [],
    onTask: [
      ...given(filters.status, (status) => sql`t.status = any(${status}::text[])`),
      ...given(filters.priority, (priority) => sql`t.priority = any(${priority}::text[])`),
      ...given(filters.tags, (tags) => sql`t.tags @> ${tags}::text[]`),
      ...given(filters.tagsAny, (tags) => sql`t.tags && ${tags}::text[]`),
      ...given(filters.completed, (completed) => sql`(t.status = ${sql.lit(doneStatus)}) = ${completed}::boolean`),
      ...given(filters.overdue, (overdue) => sql`${isOverdue(context.today)} = ${overdue}::boolean`),
      ...given(others.owner, (owner) => sql`t.owner_id = ${idOf(owner, context)}`),
      ...given(others.assignee, (assignee) =>
        assignee === 'none' ? sql`t.assignee_id is null` : sql`t.assignee_id = ${idOf(assignee, context)}`,
      ),
      ...inRange(dueKey(filters.due), 'date', filters.due),
      ...(ordered ? [] : updated),
    ],
  };
}

/** In which ways of access the reader must have what is listed, if it is to be theirs. */
export function waysOf({ owner, assignee }: TaskFilters): number[] {
  return [...(owner === 'me' ? [OWNED] : []), ...(assignee === 'me' ? [ASSIGNED] : [])];
}

/** The other filters. */
export function withoutWays({ owner, assignee, ...others }: TaskFilters): TaskFilters {
  return { ...others, owner: owner === 'me' ? undefined : owner, assignee: assignee === 'me' ? undefined : assignee };
}

function given<T>(value: T | undefined, condition: (value: T) => RawBuilder<unknown>): RawBuilder<unknown>[] {
  return value === undefined ? [] : [condition(value)];
}

function inRange(column: RawBuilder<unknown>, type: 'date' | 'timestamptz', range: Range = {}): RawBuilder<unknown>[] {
  return [
    ...given(range.after, (after) => sql`${column} >= ${after}::${sql.raw(type)}`),
    ...given(range.before, (before) => sql`${column} <= ${before}::${sql.raw(type)}`),
  ];
}

/** As an index has it; what has no due date is beyond either bound. */
function dueKey({ before }: Range = {}): RawBuilder<unknown> {
  return sql.raw(before === undefined ? sortKeys.dueLast('t.') : sortKeys.dueFirst('t.'));
}

/** Never null, so that `false` has the tasks without a due date. */
function isOverdue(today: string): RawBuilder<unknown> {
  return sql`coalesce(t.due_date < ${today}::date and t.status not in ('done', 'cancelled'), false)`;
}

/** Null, so that nothing matches, for a name that nobody has. */
function idOf(who: PersonFilter, { reader, tables }: FilterContext): RawBuilder<unknown> {
  if (who === 'me') return sql`${reader.id}::uuid`;
  if ('id' in who) return sql`${who.id}::uuid`;
  return sql`(select u.id from ${tables.users} u where u.username = ${who.username})`;
}
