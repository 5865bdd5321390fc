import { taskRowSql } from '../listing/schema.ts';

/** What a comment said, and whether it stood. */
export interface CommentVersionRow {
  id: string;
  task_id: string;
  author_id: string;
  /** Empty once erased. */
  content: string;
  mentions: readonly string[];
  standing: boolean;
  /** Of the event that made it so. */
  revision: number;
}

/** From this position on, until the next moment, the log stands at this time: the latest that any event up to there happened at. */
export interface MomentRow {
  position: string;
  effective_at: string;
}

/** Run once in the schema of a version, which is first in the search path. */
export const historySchema = `
create table versions (
  id uuid not null,
${taskRowSql}  entered_from bigint not null,
  entered_at timestamptz(3) not null,
  started_at timestamptz(3),
  spent bigint[] not null,
  valid_from bigint not null,
  valid_to bigint,
  primary key (id, valid_from)
);

create table comment_versions (
  id uuid not null,
  task_id uuid not null,
  author_id uuid not null,
  content text not null,
  mentions uuid[] not null,
  standing boolean not null,
  revision integer not null,
  valid_from bigint not null,
  valid_to bigint,
  primary key (id, valid_from)
);
create index comment_versions_author on comment_versions (author_id);
create index comment_versions_mentions on comment_versions using gin (mentions) where mentions <> '{}';

create table moments (
  position bigint primary key,
  effective_at timestamptz(3) not null unique
);
`;

/** Run when the tables are full: what is erased is looked up by task and by author. */
export const historyIndexes = `
create index versions_from on versions (valid_from);
create index comment_versions_task on comment_versions (task_id, valid_from);
`;
