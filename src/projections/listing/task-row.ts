import type { RecordedEvent } from '../../events/recorded-event.ts';
import { type UserEventType, userEvents } from '../../events/user/user-events.ts';
import { type Fold, rowFold } from '../folded-rows.ts';
import type { TaskRow } from './schema.ts';

/** What each event makes of a task's row. */
export const foldTaskRow: Fold<TaskRow> = rowFold<TaskRow>()({
  on: {
    TaskCreated: (_, { data, subject, at }) => ({
      ...data,
      id: subject,
      title: data.title ?? '',
      description: data.description ?? '',
      gives_access: true,
      shares: {},
      comment_count: 0,
      comments_by_author: {},
      file_count: 0,
      created_at: at,
      updated_at: at,
      deleted_at: null,
    }),
    TaskEdited: (row, { data: { changes }, at }) => ({
      ...row,
      title: changes.title === undefined ? row.title : (changes.title?.to ?? ''),
      description: changes.description === undefined ? row.description : (changes.description?.to ?? ''),
      priority: changes.priority?.to ?? row.priority,
      due_date: changes.due_date === undefined ? row.due_date : changes.due_date.to,
      updated_at: at,
    }),
    TaskTagsChanged: (row, { data, at }) => ({ ...row, tags: data.tags.to, updated_at: at }),
    TaskTransitioned: (row, { data, at }) => ({ ...row, status: data.status.to, completed_at: data.completed_at.to, updated_at: at }),
    TaskAssigned: (row, { data, at }) => ({
      ...row,
      assignee_id: data.assignee_id.to,
      gives_access: data.gives_access,
      updated_at: at,
    }),
    TaskUnassigned: (row, { at }) => ({ ...row, assignee_id: null, gives_access: true, updated_at: at }),
    TaskShared: (row, { data, at }) => ({ ...row, shares: { ...row.shares, [data.user_id]: data.permission }, updated_at: at }),
    TaskSharePermissionChanged: (row, { data, at }) => ({
      ...row,
      shares: { ...row.shares, [data.user_id]: data.permission.to },
      updated_at: at,
    }),
    TaskUnshared: (row, { data, at }) => ({ ...row, shares: without(row.shares, data.user_id), updated_at: at }),
    TaskTransferred: (row, { data, at }) => ({
      ...row,
      owner_id: data.owner_id.to,
      shares: { ...without(row.shares, data.owner_id.to), ...(data.kept !== null && { [data.owner_id.from]: data.kept }) },
      updated_at: at,
    }),
    TaskDeleted: (row, { data, at }) => ({
      ...row,
      // The key of a task that goes with its owner's account is destroyed.
      ...(data.reason === 'erased' && { title: '', description: '', tags: [] }),
      deleted_at: at,
      updated_at: at,
    }),
    TaskRestored: (row, { at }) => ({ ...row, deleted_at: null, updated_at: at }),
    CommentAdded: (row, { at, by }) => ({ ...row, ...withComments(row, by, 1), updated_at: at }),
    CommentEdited: (row, { at }) => ({ ...row, updated_at: at }),
    CommentDeleted: (row, { data, at }) => ({ ...row, ...withComments(row, data.author_id, -1), updated_at: at }),
    CommentRestored: (row, { data, at }) => ({ ...row, ...withComments(row, data.author_id, 1), updated_at: at }),
    FileAttached: (row, { at }) => ({ ...row, file_count: row.file_count + 1, updated_at: at }),
    FileDeleted: (row, { at }) => ({ ...row, file_count: row.file_count - 1, updated_at: at }),
    FilesPurged: (row, { at }) => ({ ...row, updated_at: at }),
  },
  ignores: Object.keys(userEvents) as UserEventType[],
});

export function isTaskEvent(event: RecordedEvent): boolean {
  return event.stream.startsWith('task-');
}

function withComments(row: TaskRow, author: string, more: number): Pick<TaskRow, 'comment_count' | 'comments_by_author'> {
  const ofAuthor = (row.comments_by_author[author] ?? 0) + more;
  const others = without(row.comments_by_author, author);
  return {
    comment_count: row.comment_count + more,
    comments_by_author: ofAuthor > 0 ? { ...others, [author]: ofAuthor } : others,
  };
}

function without<V>(map: Readonly<Record<string, V>>, key: string): Record<string, V> {
  const { [key]: _, ...rest } = map;
  return rest;
}
