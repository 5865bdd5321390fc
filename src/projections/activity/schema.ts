import type { ColumnType } from 'kysely';

/** One row an event that has an action: the caller-facing index of the audit trail. Names are joined when it is read. */
export interface ActivityRow {
  /** A bigint: a decimal string in JavaScript. */
  position: string;
  event_id: string;
  event_type: string;
  action: string;
  resource_type: 'task' | 'comment' | 'file' | 'user';
  resource_id: string;
  task_id: string | null;
  actor_id: string;
  actor_kind: 'user' | 'token' | 'system';
  token_id: string | null;
  occurred_at: string;
  request_id: string;
  operation_id: string;
  revision: number;
  details: Record<string, unknown>;
  /** Whom a comment mentions in what this event made it say; empty for every other event. */
  mentions: readonly string[];
  /** All that the comment said then, of which `details` has the beginning; null where no user is mentioned, and once erased. */
  mentioning: string | null;
}

export interface ActivityTables {
  activity: { [K in keyof ActivityRow]: ColumnType<ActivityRow[K], never, never> };
}

/** Run once in the schema of a version, which is first in the search path. */
export const activitySchema = `
create table activity (
  position bigint primary key,
  event_id uuid not null,
  event_type text not null,
  action text not null,
  resource_type text not null,
  resource_id uuid not null,
  task_id uuid,
  actor_id uuid not null,
  actor_kind text not null,
  token_id uuid,
  occurred_at timestamptz(3) not null,
  request_id text not null,
  operation_id uuid not null,
  revision integer not null,
  details jsonb not null,
  mentions uuid[] not null,
  mentioning text
);
-- Counted by action and day without a look at the rows.
create index activity_actor on activity (actor_id, position) include (action, resource_type, occurred_at);
create index activity_task on activity (task_id, position);
create index activity_mentions on activity using gin (mentions) where mentions <> '{}';

-- Whose account was erased, or is to be.
create table erasures (
  user_id uuid primary key,
  transfer_to uuid,
  is_done boolean not null
);
`;

/** Run when the tables are full: what is described and erased is looked up by task and by actor. */
export const activityIndexes = `
create index activity_operation on activity (operation_id, position);
create index activity_occurred on activity (occurred_at, position);
create index activity_request on activity (request_id);
create index activity_token on activity (token_id, position) where token_id is not null;
`;
