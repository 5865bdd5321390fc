import { type RawBuilder, sql } from 'kysely';
import type { Action } from '../../projections/activity/describe.ts';
import type { ActivityRow } from '../../projections/activity/schema.ts';
import type { ReadTables } from '../read-tables.ts';

/** Whose doing. */
export type ActorFilter = { id: string } | { username: string };

export interface ActivityFilters {
  action?: readonly Action[] | undefined;
  resourceType?: readonly ActivityRow['resource_type'][] | undefined;
  /** ISO times with milliseconds, both included. */
  occurred?: { after?: string | undefined; before?: string | undefined } | undefined;
  taskId?: string | undefined;
  operationId?: string | undefined;
}

/** Conditions on the row `y`. */
export function activityConditions(filters: ActivityFilters, actor: ActorFilter, { users }: ReadTables): RawBuilder<unknown>[] {
  const { action, resourceType, occurred, taskId, operationId } = filters;
  const conditions = [
    'id' in actor
      ? sql`y.actor_id = ${actor.id}::uuid`
      : sql`y.actor_id = (select u.id from ${users} u where u.username = ${actor.username})`,
  ];
  if (action) conditions.push(sql`y.action = any(${action}::text[])`);
  if (resourceType) conditions.push(sql`y.resource_type = any(${resourceType}::text[])`);
  if (occurred?.after !== undefined) conditions.push(sql`y.occurred_at >= ${occurred.after}::timestamptz`);
  if (occurred?.before !== undefined) conditions.push(sql`y.occurred_at <= ${occurred.before}::timestamptz`);
  if (taskId !== undefined) conditions.push(sql`y.task_id = ${taskId}::uuid`);
  if (operationId !== undefined) conditions.push(sql`y.operation_id = ${operationId}::uuid`);
  return conditions;
}
