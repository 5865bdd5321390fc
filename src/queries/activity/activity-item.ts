import { type RawBuilder, sql } from 'kysely';
import { deletedUser, jsonRow, utcTime } from '../json-values.ts';
import type { Page } from '../page.ts';
import type { ReadTables } from '../read-tables.ts';
import { activitySummary } from './activity-summary.ts';

interface ActivityItem extends Record<string, unknown> {
  event_type: string;
  details: Record<string, unknown>;
}

const actor = `json_build_object('id', y.actor_id, 'username',
  case when y.actor_kind = 'system' then 'system' else coalesce(u.username, '${deletedUser}') end)`;
const details = `case when y.details ? 'user_id' then y.details || jsonb_build_object('username', coalesce(s.username, '${deletedUser}'))
  else y.details end`;

/** The JSON of an activity from its row `y`, the actor `u` and the person `s` that a share is about; the summary is still missing. */
export const activityItem: RawBuilder<string> = sql.raw(
  jsonRow(`y.event_id as id, y.position::text as position, y.action, y.resource_type, y.resource_id, y.task_id, ${actor} as actor, y.token_id,
  ${utcTime('y.occurred_at')} as occurred_at, y.request_id, y.operation_id, y.revision, y.event_type, ${details} as details`),
);

export function activityJoins({ activity, users }: ReadTables): RawBuilder<unknown> {
  return sql`join ${activity} y on y.position = shown.id left join ${users} u on u.id = y.actor_id
  left join ${users} s on y.details ? 'user_id' and s.id = (y.details ->> 'user_id')::uuid`;
}

/** A page of activities as PostgreSQL made it, with the summaries that are made here. */
export function withSummaries(page: Page): Page {
  const items = JSON.parse(`[${page.items}]`) as ActivityItem[];
  return { ...page, items: items.map((item) => JSON.stringify(summarised(item))).join(',') };
}

/** One activity as JSON. */
export function withSummary(item: string): string {
  return JSON.stringify(summarised(JSON.parse(item)));
}

function summarised({ event_type, details, ...rest }: ActivityItem): Record<string, unknown> {
  return { ...rest, summary: activitySummary(event_type, details), details };
}
