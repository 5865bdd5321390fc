import type { ColumnType } from 'kysely';
import { doneStatus } from '../../events/task/workflow.ts';
import { type Priority, priorities, type SharePermission, type Status, statuses } from '../../events/values.ts';
import { titleCollation } from '../../platform/text/schema.ts';
import { wordFunctions } from './words.ts';

/** How a person comes to see a task: bits of `access.mask` and `counters.mask`. */
export const OWNED = 1;
export const ASSIGNED = 2;
export const SHARED = 4;

/** In `counters`, stands for all tasks whosoever they are, with mask 0. */
export const EVERYONE = '00000000-0000-0000-0000-000000000000';

/** One row a task, deleted ones included. */
export interface TaskRow {
  id: string;
  title: string;
  description: string;
  priority: Priority;
  status: Status;
  completed_at: string | null;
  due_date: string | null;
  tags: readonly string[];
  owner_id: string;
  assignee_id: string | null;
  /** Whether the assignee may edit because they are assigned; true where nobody is. */
  gives_access: boolean;
  shares: Record<string, SharePermission>;
  comment_count: number;
  /** How many comments of each author stand, by the author's id; none where none do. */
  comments_by_author: Readonly<Record<string, number>>;
  file_count: number;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
  revision: number;
}

export const taskColumns = [
  'id',
  'title',
  'description',
  'priority',
  'status',
  'completed_at',
  'due_date',
  'tags',
  'owner_id',
  'assignee_id',
  'gives_access',
  'shares',
  'comment_count',
  'comments_by_author',
  'file_count',
  'created_at',
  'updated_at',
  'deleted_at',
  'revision',
] as const satisfies readonly (keyof TaskRow)[];

/** One row for each person and task that is not deleted and that the person has access to other than as an admin. */
export interface AccessRow {
  user_id: string;
  task_id: string;
  mask: number;
  permission: 'view' | 'edit' | 'owner';
  created_at: string;
}

/**
 * Kept counts over the tasks that are not deleted, for each person and way of access. Facets and their keys:
 * `state`: status/priority/1 if shared, else 0/1 if assigned, else 0 · `tag`, `tag_done`: the tag · `due`: the date, of tasks neither done nor cancelled ·
 * `created`, `completed`: the UTC date · `comments`: the person's own that stand, the key empty; over all tasks, the author's id.
 */
export interface CounterRow {
  user_id: string;
  mask: number;
  facet: 'state' | 'tag' | 'tag_done' | 'due' | 'created' | 'completed' | 'comments';
  key: string;
  n: number;
}

/** A task's row, and where its last event is in the log. */
export interface ListedTaskRow extends TaskRow {
  /** A bigint: a decimal string in JavaScript. */
  position: string;
}

/** One row a task, deleted ones included: what every event changes, apart from the task's row, so that its indexes are left alone. */
export interface LastChangeRow {
  task_id: string;
  updated_at: string;
  /** Of the last event. A bigint: a decimal string in JavaScript. */
  position: string;
}

/** One row a task, deleted ones included, likewise. */
export type TaskStateRow = { task_id: string; status: Status; completed_at: string | null };

/** One row for each event by which a task came into being, was deleted or was restored. */
export interface PresenceRow {
  /** A bigint: a decimal string in JavaScript. */
  position: string;
  task_id: string;
  /** Of the task. */
  created_at: string;
  /** How many tasks there are more: 1 or -1. */
  delta: number;
}

/** One row a comment, whether or not it or its task is deleted. */
export interface CommentRow {
  id: string;
  task_id: string;
  author_id: string;
  /** Empty once erased. */
  content: string;
  erased: boolean;
  mentions: readonly string[];
  created_at: string;
  /** When its text was last changed; null when it never was. */
  edited_at: string | null;
  /** Whether it is not deleted. */
  standing: boolean;
  /** Of its last event. */
  revision: number;
}

/** One row a file, whether or not it or its task is deleted. */
export interface FileRow {
  id: string;
  task_id: string;
  /** Empty once erased. */
  name: string;
  size: number;
  content_type: string;
  sha256: string;
  blob_key: string;
  uploaded_by: string;
  uploaded_at: string;
  deleted_at: string | null;
  /** Whether its content is gone. */
  purged: boolean;
  /** Of its last event. */
  revision: number;
}

/** The tables as queries see them. */
export interface ListingTables {
  tasks: { [K in keyof ListedTaskRow]: ColumnType<ListedTaskRow[K], never, never> } & { search: ColumnType<string, never, never> };
  access: { [K in keyof AccessRow]: ColumnType<AccessRow[K], never, never> };
  counters: { [K in keyof CounterRow]: ColumnType<CounterRow[K], never, never> };
  presence: { [K in keyof PresenceRow]: ColumnType<PresenceRow[K], never, never> };
  last_changes: { [K in keyof LastChangeRow]: ColumnType<LastChangeRow[K], never, never> };
  task_states: { [K in keyof TaskStateRow]: ColumnType<TaskStateRow[K], never, never> };
  comments: { [K in keyof CommentRow]: ColumnType<CommentRow[K], never, never> } & { search: ColumnType<string, never, never> };
  files: { [K in keyof FileRow]: ColumnType<FileRow[K], never, never> };
}

/** The columns of a task's row behind its id, for each table that has one. */
export const taskRowSql = `\
  title text not null,
  description text not null,
  priority text not null,
  status text not null,
  completed_at timestamptz(3),
  due_date date,
  tags text[] not null,
  owner_id uuid not null,
  assignee_id uuid,
  gives_access boolean not null,
  shares jsonb not null,
  comment_count integer not null,
  comments_by_author jsonb not null,
  file_count integer not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  deleted_at timestamptz(3),
  revision integer not null,
`;

/** Run once in the schema of a version, which is first in the search path: the tables, and what erasing text looks rows up by. */
export const listingSchema = `
${wordFunctions}
create table tasks (
  id uuid primary key,
${taskRowSql}  position bigint not null,
  search tsvector generated always as (
    setweight(words(title), 'A') || setweight(words(tags), 'B') || setweight(words(description), 'C')
  ) stored
-- Most events change nothing that an index has. With room on its page for the row as it is then, no index is written.
) with (fillfactor = 80);

create table access (
  user_id uuid not null,
  task_id uuid not null,
  mask smallint not null,
  permission text not null,
  created_at timestamptz(3) not null,
  primary key (user_id, task_id)
);
-- Whether a list walks an index past what is not the reader's, or sorts what is, goes by how much that is. Of more people than this the
-- average is known, of a hundred it would be the average of all who have much and all who have little.
alter table access alter column user_id set statistics 1000;

create table counters (
  user_id uuid not null,
  mask smallint not null,
  facet text not null,
  key text not null,
  n bigint not null,
  primary key (user_id, facet, mask, key)
);

-- Lists in the order of what most events change walk an index of these, and what has changed since a moment is found by one.
create table last_changes (
  task_id uuid primary key,
  updated_at timestamptz(3) not null,
  position bigint not null
);
create table task_states (task_id uuid primary key, status text not null, completed_at timestamptz(3));

-- How many tasks there were is how many there are, less what has come and gone since.
create table presence (
  position bigint primary key,
  task_id uuid not null,
  created_at timestamptz(3) not null,
  delta smallint not null
);

create table comments (
  id uuid primary key,
  task_id uuid not null,
  author_id uuid not null,
  content text not null,
  erased boolean not null,
  mentions uuid[] not null,
  created_at timestamptz(3) not null,
  edited_at timestamptz(3),
  standing boolean not null,
  revision integer not null,
  search tsvector generated always as (words(content)) stored
);
create index comments_author on comments (author_id);
create index comments_mentions on comments using gin (mentions) where mentions <> '{}';

create table files (
  id uuid primary key,
  task_id uuid not null,
  name text not null,
  size bigint not null,
  content_type text not null,
  sha256 text not null,
  blob_key text not null,
  uploaded_by uuid not null,
  uploaded_at timestamptz(3) not null,
  deleted_at timestamptz(3),
  purged boolean not null,
  revision integer not null
);
create index files_task on files (task_id, uploaded_at, id);
`;

/**
 * What lists are sorted by, of the table `t` or of the only one there is: what has an index must be spelt as the index is. Nothing in it
 * is null: whatever the direction, what has no due date comes last.
 */
export const sortKeys = {
  dueFirst: (t = '') => `coalesce(${t}due_date, 'infinity'::date)`,
  dueLast: (t = '') => `coalesce(${t}due_date, '-infinity'::date)`,
  priority: (t = '') => `array_position(array[${priorities.map((priority) => `'${priority}'`).join(', ')}], ${t}priority)`,
  status: (t = '') => `array_position(array[${statuses.map((status) => `'${status}'`).join(', ')}], ${t}status)`,
  completed: (t = '') => `(${t}status = '${doneStatus}')`,
  title: (t = '') => `${t}title collate ${titleCollation}`,
};

/**
 * Run when the tables are full. What most events change, as the time of the last change and the status, has no index on `tasks`: a row
 * whose indexed columns stay as they are is written without touching any index.
 */
export const listingIndexes = `
create index tasks_created on tasks (created_at, id) where deleted_at is null;
create index tasks_deleted on tasks (owner_id, created_at, id) where deleted_at is not null;
create index tasks_search on tasks using gin (search);
create index tasks_tags on tasks using gin (tags);
create index tasks_owner on tasks (owner_id);
create index tasks_assignee on tasks (assignee_id) where assignee_id is not null;
create index tasks_due_first on tasks ((${sortKeys.dueFirst()}), id);
create index tasks_due_last on tasks ((${sortKeys.dueLast()}), id);
create index tasks_priority on tasks ((${sortKeys.priority()}), id);
create index tasks_title on tasks ((${sortKeys.title()}), id);
create index last_changes_updated on last_changes (updated_at, task_id);
create index last_changes_position on last_changes (position);
create index task_states_status on task_states ((${sortKeys.status()}), task_id);
create index task_states_completed on task_states (${sortKeys.completed()}, task_id);
create index task_states_completion on task_states (completed_at, task_id) where completed_at is not null;
create index access_created on access (user_id, created_at, task_id) include (mask);
create index comments_task on comments (task_id, created_at, id);
create index comments_search on comments using gin (search);
create index files_uploader on files (uploaded_by) include (size) where not purged;
create index files_to_purge on files (deleted_at) where deleted_at is not null and not purged;
`;
