import { type RawBuilder, sql } from 'kysely';
import { ASSIGNED, EVERYONE, OWNED, SHARED } from '../../projections/listing/schema.ts';
import { Rejection } from '../../rejection.ts';
import { type AsOf, pastText, timeAt, validAt } from '../history/as-of.ts';
import type { ReadTables } from '../read-tables.ts';

export const taskScopes = ['owned', 'assigned', 'shared', 'all', 'everyone'] as const;
/** Whose tasks: what the reader owns, is assigned or was given a share of, the three together, or everybody's. */
export type TaskScope = (typeof taskScopes)[number];

/** Who reads. */
export interface Reader {
  id: string;
  isAdmin: boolean;
}

const waysOfAccess: Record<Exclude<TaskScope, 'everyone'>, number> = {
  owned: OWNED,
  assigned: ASSIGNED,
  shared: SHARED,
  all: OWNED | ASSIGNED | SHARED,
};

/** @throws Rejection ADMIN_ONLY */
export function requireScope(scope: TaskScope, reader: Reader): void {
  if (scope === 'everyone' && !reader.isAdmin) throw new Rejection('ADMIN_ONLY', "Everybody's tasks are for admins only");
}

/** The rows that a list of tasks begins from. Where the task's own row is looked at, it is `t`. */
export interface Source {
  id: RawBuilder<unknown>;
  createdAt: RawBuilder<unknown>;
  from(withTask: boolean): RawBuilder<unknown>;
  conditions: readonly RawBuilder<unknown>[];
  /** Joins what lists are in the order of by an index: the time of the last change as `u`, the status as `s`. Undefined where `t` alone has them. */
  ordered?: { lastChanges: RawBuilder<unknown>; states: RawBuilder<unknown> } | undefined;
  /** Whether the reader has the task in this way: a bit of `access.mask`. Undefined where `t` alone tells. */
  has?: ((way: number) => RawBuilder<unknown>) | undefined;
  /** Joins the task's row to what has its id. */
  rowOf(id: RawBuilder<unknown>): RawBuilder<unknown>;
  /** The words of the task's own text. */
  words: RawBuilder<unknown>;
  /** A table of the comments, with `task_id`, `standing` and their words as `search`. */
  comments: RawBuilder<unknown>;
  /** What the words are made of while one searches, of a task and of a comment `m`; undefined where an index has them. */
  unindexed?: {
    text: RawBuilder<unknown>;
    comment: RawBuilder<unknown>;
    /** Whether it is as it is today: then its words are stored. */
    isTextOfToday: RawBuilder<unknown>;
    isCommentOfToday: RawBuilder<unknown>;
  };
}

export interface SourceQuery {
  scope: TaskScope;
  reader: Reader;
  deleted: boolean;
  /** As it was at this position of the log; as it is, when left out. */
  asOf?: AsOf | undefined;
  /** In which order the rows are wanted, where an index has it. */
  order?: IndexedOrder | undefined;
}

/** By creation time or by id, ties by id. */
export interface IndexedOrder {
  by: 'created_at' | 'id';
  descending: boolean;
}

/** Deleted tasks: the reader's own, as nobody else but an admin sees them; of these only what the scope has as well. */
export function taskSource(tables: ReadTables, { scope, reader, deleted, asOf, order }: SourceQuery): Source {
  if (asOf) return pastSource(tables, { scope, reader, deleted, asOf, order });
  if (deleted) return fromTasks(tables, [sql`t.deleted_at is not null`, ...ownership(scope, reader)]);
  if (scope === 'everyone') return fromTasks(tables, [sql`t.deleted_at is null`]);
  return {
    id: sql`a.task_id`,
    createdAt: sql`a.created_at`,
    from: (withTask) => (withTask ? sql`${tables.access} a join ${tables.tasks} t on t.id = a.task_id` : sql`${tables.access} a`),
    ...ofToday(tables, sql`a.task_id`),
    has: (way) => sql`a.mask & ${sql.lit(way)} <> 0`,
    conditions: [sql`a.user_id = ${reader.id}::uuid`, ...(scope === 'all' ? [] : [sql`a.mask & ${sql.lit(waysOfAccess[scope])} <> 0`])],
  };
}

/** Whether somebody may see a task now, one that they owned and deleted included. Not a join: it would read all that is theirs. */
export function isVisible({ access, tasks }: ReadTables, scope: TaskScope, { id }: Reader, task: RawBuilder<unknown>): RawBuilder<unknown> {
  if (scope === 'everyone') return sql`true`;
  return sql`((select true from ${access} a where a.user_id = ${id}::uuid and a.task_id = ${task})
      or ${task} in (select d.id from ${tasks} d where d.owner_id = ${id}::uuid and d.deleted_at is not null))`;
}

/** Whether a task that is not deleted is among the counters of a scope. Not a join, likewise. */
export function isCounted({ access }: ReadTables, scope: TaskScope, { id }: Reader, task: RawBuilder<unknown>): RawBuilder<unknown> {
  if (scope === 'everyone') return sql`true`;
  const mask = sql`(select a.mask from ${access} a where a.user_id = ${id}::uuid and a.task_id = ${task})`;
  return sql`${mask} & ${sql.lit(waysOfAccess[scope])} <> 0`;
}

/** The counters of a scope, as conditions on `c`. @param ways in each of which the reader has the task, as bits of `counters.mask` */
export function countersOf(scope: TaskScope, reader: Reader, ways: readonly number[] = []): RawBuilder<unknown> {
  const inWays = ways.map((way) => sql`c.mask & ${sql.lit(way)} <> 0`);
  if (scope === 'everyone' && ways.length === 0) return sql`c.user_id = ${EVERYONE}::uuid and c.mask = 0`;
  if (scope !== 'everyone') inWays.push(sql`c.mask & ${sql.lit(waysOfAccess[scope])} <> 0`);
  return sql.join([sql`c.user_id = ${reader.id}::uuid`, ...inWays], sql` and `);
}

function fromTasks(tables: ReadTables, conditions: Source['conditions']): Source {
  return { id: sql`t.id`, createdAt: sql`t.created_at`, from: () => sql`${tables.tasks} t`, conditions, ...ofToday(tables, sql`t.id`) };
}

function ofToday({ tasks, comments, lastChanges, taskStates }: ReadTables, id: RawBuilder<unknown>) {
  return {
    rowOf: (other: RawBuilder<unknown>) => sql`join ${tasks} t on t.id = ${other}`,
    words: sql`t.search`,
    comments,
    ordered: {
      lastChanges: sql`join ${lastChanges} u on u.task_id = ${id}`,
      states: sql`join ${taskStates} s on s.task_id = ${id}`,
    },
  };
}

/** What there was then of the tasks that the reader may see now; those since deleted are there for their owner and admins. */
function pastSource(tables: ReadTables, { scope, reader, deleted, asOf, order }: SourceQuery & { asOf: AsOf }): Source {
  const { versions } = tables;
  const thereThen = deleted ? sql`t.deleted_at is not null` : sql`t.deleted_at is null`;
  const rowOf = (id: RawBuilder<unknown>) => sql`join ${versions} t on t.id = ${id} and ${validAt('t', asOf)}`;
  const text = { rowOf, ...pastText(tables, asOf) };
  if (scope === 'everyone' && !order) {
    const conditions = [validAt('t', asOf), thereThen];
    return { id: sql`t.id`, createdAt: sql`t.created_at`, from: () => sql`${versions} t`, conditions, ...text };
  }
  const walk = inOrder(tables, asOf, order);
  const visible = scope === 'everyone' ? allTasks(tables, walk) : visibleNow(tables, reader, walk);
  return {
    id: sql`a.task_id`,
    createdAt: sql`a.created_at`,
    from: () => sql`${visible} a join ${versions} t on t.id = a.task_id and ${validAt('t', asOf)}`,
    conditions: [thereThen, ...(deleted ? ownership(scope, reader) : holding(scope, reader))],
    ...text,
  };
}

/** Every task that somebody may see now, those since deleted that they owned included: `task_id`, `created_at`. */
function visibleNow({ access, tasks }: ReadTables, { id }: Reader, walk: Walk): RawBuilder<unknown> {
  return sql`((select task_id, created_at from ${access} where user_id = ${id}::uuid ${walk('task_id')})
    union all (select id, created_at from ${tasks} where deleted_at is not null and owner_id = ${id}::uuid ${walk('id')}))`;
}

/** Everybody's tasks, those since deleted included, likewise. */
function allTasks({ tasks }: ReadTables, walk: Walk): RawBuilder<unknown> {
  return sql`((select id as task_id, created_at from ${tasks} where deleted_at is null ${walk('id')})
    union all (select id, created_at from ${tasks} where deleted_at is not null ${walk('id')}))`;
}

/** The end of a selection that a page is read from in this order, given the name of its ids. */
type Walk = (id: string) => RawBuilder<unknown>;

/**
 * A part of a union has an order only if it says so: then a page of the whole is read from both without sorting them, and begins with what
 * was created by then. Where all is read anyway, that is not asked: how much it is would be guessed.
 */
function inOrder(tables: ReadTables, asOf: AsOf, order: IndexedOrder | undefined): Walk {
  if (!order) return () => sql``;
  const direction = sql.raw(order.descending ? 'desc' : 'asc');
  const keys = (id: string) => (order.by === 'id' ? [sql.ref(id)] : [sql.ref('created_at'), sql.ref(id)]);
  return (id) => sql`and created_at <= ${timeAt(tables, asOf)} order by ${sql.join(keys(id).map((key) => sql`${key} ${direction}`))}`;
}

/** All versions of these tasks. In two parts that the planner knows the sizes of: it begins with the few tasks of one, or with the log of another. */
export function versionsSeen({ access, tasks, versions }: ReadTables, { id }: Reader): RawBuilder<unknown> {
  return sql`(select v.* from ${versions} v join ${access} a on a.task_id = v.id and a.user_id = ${id}::uuid
    union all select v.* from ${versions} v join ${tasks} d on d.id = v.id and d.deleted_at is not null and d.owner_id = ${id}::uuid)`;
}

/** In which way the reader had the task then, as conditions on its version `t`. */
export function holding(scope: TaskScope, { id }: Reader): RawBuilder<unknown>[] {
  switch (scope) {
    case 'owned':
      return [sql`t.owner_id = ${id}::uuid`];
    case 'assigned':
      return [sql`t.assignee_id = ${id}::uuid`];
    case 'shared':
      return [sql`t.shares ? ${id}`];
    case 'all':
    case 'everyone':
      return [];
  }
}

function ownership(scope: TaskScope, { id }: Reader): RawBuilder<unknown>[] {
  const owned = sql`t.owner_id = ${id}::uuid`;
  switch (scope) {
    case 'everyone':
      return [];
    case 'owned':
    case 'all':
      return [owned];
    case 'assigned':
      return [owned, sql`t.assignee_id = ${id}::uuid`];
    case 'shared':
      return [owned, sql`t.shares ? ${id}`];
  }
}
