import type { CommentRow, TaskRow } from '../../src/projections/listing/schema.ts';

export const ann = '00000000-0000-7000-8000-00000000000a';
export const bob = '00000000-0000-7000-8000-00000000000b';
export const cid = '00000000-0000-7000-8000-00000000000c';
export const gone = '00000000-0000-7000-8000-00000000000d';
export const root = '00000000-0000-7000-8000-00000000000e';

export const people = [
  { id: ann, username: 'ann', full_name: 'Ann Example' },
  { id: bob, username: 'bob', full_name: 'Bob "the" Builder' },
  { id: cid, username: 'cid', full_name: '' },
  { id: gone, username: 'gone', full_name: 'Gone', erased: true },
  { id: root, username: 'root', full_name: 'Root' },
];

/** The id of the n-th task of a spec. */
export function taskId(n: number): string {
  return `00000000-0000-7000-9000-${n.toString(16).padStart(12, '0')}`;
}

/** The row of a task: that of a new one of Ann's, and what is said. The n-th was created at the n-th minute. */
export function aTask(n: number, row: Partial<TaskRow> = {}): TaskRow {
  const created_at = row.created_at ?? new Date(Date.UTC(2026, 0, 2, 3, n)).toISOString();
  return {
    id: taskId(n),
    title: `Task ${n}`,
    description: '',
    priority: 'medium',
    status: 'todo',
    completed_at: row.status === 'done' ? created_at : null,
    due_date: null,
    tags: [],
    owner_id: ann,
    assignee_id: null,
    gives_access: true,
    shares: {},
    comment_count: 0,
    comments_by_author: {},
    file_count: 0,
    created_at,
    updated_at: created_at,
    deleted_at: null,
    revision: 0,
    ...row,
  };
}

/** A comment that somebody made, with what a test does not care about. */
export function aComment(n: number, on: number, more: Partial<CommentRow> = {}): CommentRow {
  return {
    id: taskId(n),
    task_id: taskId(on),
    author_id: ann,
    content: 'Well done',
    erased: false,
    mentions: [],
    created_at: '2026-01-02T03:04:05.000Z',
    edited_at: null,
    standing: true,
    revision: 1,
    ...more,
  };
}
