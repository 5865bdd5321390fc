import { type RawBuilder, sql } from 'kysely';
import { deletedUser, utcTime } from '../json-values.ts';
import type { Page } from '../page.ts';
import type { ReadTables } from '../read-tables.ts';
import { activitySummary } from './activity-summary.ts';

interface ActivityItem extends Record<string, unknown> {
  event_type: string;
  details: Record<string, unknown>;
}

/** The members of an activity from its row `y`, the actor `u` and the person `s` that a share is about; the summary is still missing. */
export function activityColumns(): RawBuilder<unknown> {
  const deleted = sql.lit(deletedUser);
  return sql`y.event_id as id, y.position::text as position, y.action, y.resource_type, y.resource_id, y.task_id,
  json_build_object('id', y.actor_id, 'username', case when y.actor_kind = 'system' then 'system' else coalesce(u.username, ${deleted}) end) as actor,
  y.token_id, ${utcTime(sql`y.occurred_at`)} as occurred_at, y.request_id, y.operation_id, y.revision, y.event_type,
  case when y.resource_type = 'share' then y.details || jsonb_build_object('username', coalesce(s.username, ${deleted})) else y.details end as details`;
}

export function activityJoins({ activity, users }: ReadTables): RawBuilder<unknown> {
  return sql`join ${activity} y on y.position = shown.id left join ${users} u on u.id = y.actor_id
  left join ${users} s on y.resource_type = 'share' and s.id = (y.details ->> 'user_id')::uuid`;
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
