import { type UserEventType, userEvents } from '../../events/user/user-events.ts';
import { type Fold, rowFold } from '../folded-rows.ts';
import type { FeedTaskRow } from './schema.ts';

const same = (row: FeedTaskRow) => row;

/** What each event makes of who may see a task, and of what it is called. */
export const foldFeedTask: Fold<FeedTaskRow> = rowFold<FeedTaskRow>()({
  on: {
    TaskCreated: (_, { data: { title, status, owner_id, assignee_id }, subject }) => ({
      id: subject,
      ...{ title, status, owner_id, assignee_id },
      gives_access: true,
      sharee_ids: [],
      deleted: false,
    }),
    TaskEdited: (row, { data: { changes } }) => ({ ...row, title: changes.title === undefined ? row.title : (changes.title?.to ?? null) }),
    TaskTagsChanged: same,
    TaskTransitioned: (row, { data }) => ({ ...row, status: data.status.to }),
    TaskAssigned: (row, { data }) => ({ ...row, assignee_id: data.assignee_id.to, gives_access: data.gives_access }),
    TaskUnassigned: (row) => ({ ...row, assignee_id: null, gives_access: true }),
    TaskShared: (row, { data }) => ({ ...row, sharee_ids: [...without(row.sharee_ids, data.user_id), data.user_id] }),
    TaskSharePermissionChanged: same,
    TaskUnshared: (row, { data }) => ({ ...row, sharee_ids: without(row.sharee_ids, data.user_id) }),
    TaskTransferred: (row, { data: { owner_id, kept } }) => ({
      ...row,
      owner_id: owner_id.to,
      sharee_ids: [...without(row.sharee_ids, owner_id.to), ...(kept === null ? [] : [owner_id.from])],
    }),
    // The key of a task that goes with its owner's account is destroyed.
    TaskDeleted: (row, { data }) => ({ ...row, deleted: true, ...(data.reason === 'erased' && { title: null }) }),
    TaskRestored: (row) => ({ ...row, deleted: false }),
    CommentAdded: same,
    CommentEdited: same,
    CommentDeleted: same,
    CommentRestored: same,
    FileAttached: same,
    FileDeleted: same,
    FilesPurged: same,
  },
  ignores: Object.keys(userEvents) as UserEventType[],
});

/** Who may see a task, other than as an admin: of a deleted one, its owner alone. */
export function readersOf(row: FeedTaskRow | undefined): ReadonlySet<string> {
  if (row === undefined) return new Set();
  if (row.deleted) return new Set([row.owner_id]);
  const assignee = row.gives_access ? row.assignee_id : null;
  return new Set([row.owner_id, ...row.sharee_ids, ...(assignee === null ? [] : [assignee])]);
}

function without(ids: readonly string[], gone: string): string[] {
  return ids.filter((id) => id !== gone);
}
