import { type RawBuilder, sql } from 'kysely';
import { isFieldSeen, type ShareReader, typesWithShares } from '../../events/task/shares-seen.ts';
import { deletedUser, jsonRow, utcTime } from '../json-values.ts';
import type { Page } from '../page.ts';
import type { ReadTables } from '../read-tables.ts';
import type { Reader } from '../tasks/task-scope.ts';
import { activitySummary } from './activity-summary.ts';

interface ActivityItem extends Record<string, unknown> {
  event_type: string;
  /** The event is about shares of a task that the reader owns. */
  is_own: boolean;
  /** The current name of the user whom the task was assigned or transferred to or taken from; null for other events. */
  concerns: string | null;
  details: Record<string, unknown>;
}

const actor = `json_build_object('id', y.actor_id, 'username',
  case when y.actor_kind = 'system' then 'system' else coalesce(u.username, '${deletedUser}') end)`;
const details = `case when y.details ? 'user_id' then y.details || jsonb_build_object('username', coalesce(s.username, '${deletedUser}'))
  else y.details end`;

/** Whom an assignment or a transfer is about: by event type, the member of the details with the user's id. */
const userConcerned = `case y.event_type
  when 'TaskAssigned' then y.details #>> '{new_values,assignee_id}'
  when 'TaskUnassigned' then y.details #>> '{old_values,assignee_id}'
  when 'TaskTransferred' then y.details #>> '{new_values,owner_id}' end`;

/** The JSON of an activity from its row `y`, the actor `u`, the user `s` of a share, the user `c` of an assignment and the reader's task `k`. */
export const activityItem: RawBuilder<string> = sql.raw(
  jsonRow(`y.event_id as id, y.position::text as position, y.action, y.resource_type, y.resource_id, y.task_id, ${actor} as actor, y.token_id,
  ${utcTime('y.occurred_at')} as occurred_at, y.request_id, y.operation_id, y.revision, y.event_type, k.id is not null as is_own,
  case when ${userConcerned} is not null then coalesce(c.username, '${deletedUser}') end as concerns, ${details} as details`),
);

export function activityJoins({ activity, users, tasks }: ReadTables, { id }: Reader): RawBuilder<unknown> {
  return sql`join ${activity} y on y.position = shown.id left join ${users} u on u.id = y.actor_id
  left join ${users} s on y.details ? 'user_id' and s.id = (y.details ->> 'user_id')::uuid
  left join ${users} c on c.id = (${sql.raw(userConcerned)})::uuid
  left join ${tasks} k on y.event_type = any(${[...typesWithShares]}::text[]) and k.id = y.task_id and k.owner_id = ${id}::uuid`;
}

/** A page of activities as PostgreSQL made it, completed for its reader. */
export function completed(page: Page, reader: Reader): Page {
  const items = JSON.parse(`[${page.items}]`) as ActivityItem[];
  return { ...page, items: items.map((item) => JSON.stringify(completedItem(item, reader))).join(',') };
}

/** One activity as JSON, completed for its reader. */
export function completedOne(item: string, reader: Reader): string {
  return JSON.stringify(completedItem(JSON.parse(item), reader));
}

/** With a summary, and without the shares that the reader may not see. */
function completedItem(
  { event_type, is_own, concerns, details: all, ...rest }: ActivityItem,
  { id, isAdmin }: Reader,
): Record<string, unknown> {
  const details = detailsSeen(all, { id, seesAllShares: isAdmin || is_own });
  return { ...rest, summary: activitySummary(event_type, details, concerns), details };
}

type Details = ActivityItem['details'];

function detailsSeen(details: Details, reader: ShareReader): Details {
  if (reader.seesAllShares) return details;
  const { user_id: userId, changed_fields, old_values, new_values } = details;
  const isHidden = userId !== undefined && userId !== reader.id;
  const seen = isHidden ? { ...details, user_id: null, username: null, permission: null } : details;
  if (changed_fields === undefined) return seen;
  return {
    ...seen,
    changed_fields: (changed_fields as string[]).filter((field) => isFieldSeen(field, reader)),
    old_values: valuesSeen(old_values, reader),
    new_values: valuesSeen(new_values, reader),
  };
}

function valuesSeen(values: unknown, reader: ShareReader): unknown {
  return Object.fromEntries(Object.entries(values as object).filter(([field]) => isFieldSeen(field, reader)));
}
