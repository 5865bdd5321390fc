import type { Status } from '../../events/values.ts';

/** One row an event: where it stands in the log, whom it is for, and the task as it left it. What it says is read from the log. */
export interface FeedEventRow {
  /** A bigint: a decimal string in JavaScript. */
  position: string;
  /** The stored name. */
  type: string;
  /** One of these two is what it is about. */
  task_id: string | null;
  user_id: string | null;
  revision: number;
  /** Null for an event about a user, and once erased. */
  title: string | null;
  status: Status | null;
}

/** A task as far as it matters to who may see what of it. */
export interface FeedTaskRow {
  id: string;
  title: string | null;
  status: Status;
  owner_id: string;
  assignee_id: string | null;
  /** Whether the assignee sees the task because they are assigned; true where nobody is. */
  gives_access: boolean;
  sharee_ids: readonly string[];
  deleted: boolean;
  revision: number;
}

/** Somebody may see a task, whether or not it is deleted, other than as an admin. */
export interface ReaderRow {
  user_id: string;
  task_id: string;
}

/** An event took somebody's access to a task away. */
export interface LossRow extends ReaderRow {
  position: string;
}

/** Run once in the schema of a version, which is first in the search path. */
export const feedSchema = `
create table feed_events (
  position bigint primary key,
  type text not null,
  task_id uuid,
  user_id uuid,
  revision integer not null,
  title text,
  status text
);
create index feed_events_task on feed_events (task_id, position) where task_id is not null;

create table feed_tasks (
  id uuid primary key,
  title text,
  status text not null,
  owner_id uuid not null,
  assignee_id uuid,
  gives_access boolean not null,
  sharee_ids uuid[] not null,
  deleted boolean not null,
  revision integer not null
);

create table readers (
  user_id uuid not null,
  task_id uuid not null,
  primary key (user_id, task_id)
);

create table losses (
  user_id uuid not null,
  position bigint not null,
  task_id uuid not null,
  primary key (user_id, position)
);
`;

/** Run when the tables are full: what is erased is looked up by task. */
export const feedIndexes = `
create index feed_events_user on feed_events (user_id, position) where user_id is not null;
create index readers_task on readers (task_id);
`;
