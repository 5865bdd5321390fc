import { type RawBuilder, sql } from 'kysely';
import type { TaskEventType } from '../../events/task/task-events.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

/** By which marks of its events a run is found: all that is given must hold. Times are ISO with milliseconds, both included. */
export interface RunMarks {
  operationId?: string | undefined;
  requestId?: string | undefined;
  tokenId?: string | undefined;
  actorId?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** Whose events alone; everybody's when left out. Whether the reader may see them is for the caller to know. */
  by?: string | undefined;
}

/** A task that a run has touched. */
export interface TouchedTask {
  taskId: string;
  /** To whom the task was not given or shared any more. */
  people: string[];
  /** What it did there that is of a type which stands for good. */
  standing: { revision: number; type: TaskEventType }[];
}

const stands: readonly TaskEventType[] = [
  'TaskCreated',
  'TaskTransferred',
  'CommentAdded',
  'CommentEdited',
  'CommentDeleted',
  'CommentRestored',
  'FileAttached',
  'FileDeleted',
  'FilesPurged',
];

/** The tasks that a run has touched, in the order in which it did. */
export async function findRun(db: ReadDatabase, { activity }: ReadTables, marks: RunMarks): Promise<TouchedTask[]> {
  return db.rows(sql<TouchedTask>`select y.task_id as "taskId",
  array_remove(array_agg(distinct case
    when y.event_type in ('TaskAssigned', 'TaskUnassigned') then y.details #>> '{old_values,assignee_id}'
    when y.event_type = 'TaskUnshared' then y.details ->> 'user_id' end), null) as people,
  coalesce(json_agg(json_build_object('revision', y.revision, 'type', y.event_type) order by y.position)
    filter (where y.event_type = any(${stands}::text[])), '[]') as standing
from ${activity} y where y.task_id is not null and ${sql.join(conditionsOf(marks), sql` and `)}
group by y.task_id order by min(y.position)`);
}

function conditionsOf({ operationId, requestId, tokenId, actorId, from, to, by }: RunMarks): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [];
  if (operationId !== undefined) conditions.push(sql`y.operation_id = ${operationId}::uuid`);
  if (requestId !== undefined) conditions.push(sql`y.request_id = ${requestId}`);
  if (tokenId !== undefined) conditions.push(sql`y.token_id = ${tokenId}::uuid`);
  if (actorId !== undefined) conditions.push(sql`y.actor_id = ${actorId}::uuid`);
  if (by !== undefined) conditions.push(sql`y.actor_id = ${by}::uuid`);
  if (from !== undefined) conditions.push(sql`y.occurred_at >= ${from}::timestamptz`);
  if (to !== undefined) conditions.push(sql`y.occurred_at <= ${to}::timestamptz`);
  return conditions;
}
