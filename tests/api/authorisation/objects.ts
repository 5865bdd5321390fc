import { randomUUID } from 'node:crypto';
import { assigned, commented, created, deleted, edited, type Happening, shared } from '../../support/happenings.ts';
import type { History } from '../../support/written-tasks.ts';
import { type AssignmentState, assignments, type State } from './contract.ts';
import type { People } from './people.ts';

/** In the text of every task and comment: in no answer to who may not see it. */
export const canary = 'the cat is in the bag';

/** A comment on a task: by somebody, who may have deleted it. */
export interface CommentOn {
  id: string;
  by: string;
  deleted: boolean;
}

/** A change of a task: by somebody, in one call. */
export interface EditOf {
  by: string;
  operation: string;
}

export interface TaskInState {
  state: State;
  ownerId: string;
  tags: readonly string[];
  comment?: CommentOn | undefined;
  edit?: EditOf | undefined;
  /** The id of a file, whose content is purged. */
  fileId?: string | undefined;
}

/** The history of a task in a state, owned by somebody: shared with the viewer and the editor, and assigned to the assignee. */
export function taskIn({ state, ownerId, tags, comment, edit, fileId }: TaskInState, people: People): History {
  if (state === 'absent' || state === 'no id at all') return { taskId: state === 'absent' ? randomUUID() : 'no-id-at-all', happenings: [] };
  const happenings: Happening[] = [created({ title: canary, description: canary, owner_id: ownerId, tags: [...tags] })];
  if (edit) happenings.push({ ...edited({ description: { from: canary, to: `${canary} again` } }), ...edit });
  if (comment) happenings.push(...said(comment));
  if (fileId !== undefined) happenings.push(...attached(fileId));
  if (state in assignments) happenings.push(...assignment(state as AssignmentState, people));
  else if (state !== 'own') happenings.push(...access(people));
  if (state === 'revoked') happenings.push(...takenBack(people));
  if (state === 'deleted') {
    const sharee_ids = [people.viewer.id, people.editor.id];
    const file_ids = fileId === undefined ? [] : [fileId];
    const comment_count = comment && !comment.deleted ? 1 : 0;
    happenings.push(deleted({ owner_id: ownerId, assignee_id: people.assignee.id, sharee_ids, tags: [...tags], comment_count, file_ids }));
  }
  return { taskId: randomUUID(), happenings: happenings.map((event) => ({ by: ownerId, ...event })) };
}

function said({ id: comment_id, by, deleted }: CommentOn): Happening[] {
  const gone: Happening = { type: 'CommentDeleted', data: { comment_id, author_id: by, by: 'author' }, by };
  return [{ ...commented(comment_id, canary), by }, ...(deleted ? [gone] : [])];
}

function attached(file_id: string): Happening[] {
  const content = { name: `${canary}.txt`, size: 1, content_type: 'text/plain', sha256: '00', blob_key: 'none/none' };
  return [
    { type: 'FileAttached', data: { file_id, ...content } },
    { type: 'FilesPurged', data: { file_ids: [file_id] } },
  ];
}

function access({ viewer, editor, assignee }: People): Happening[] {
  return [shared(viewer.id, 'view'), shared(editor.id, 'edit'), assigned(assignee.id)];
}

/** The viewer and the editor have their shares too. */
function assignment(state: AssignmentState, { viewer, editor, assignee: { id } }: People): Happening[] {
  const before = state.includes('to a viewer') ? 'view' : 'edit';
  const isByOwner = state.includes('by the owner');
  const by = isByOwner ? {} : { by: state.includes('themselves') ? id : editor.id };
  const made: Happening[] = [
    shared(viewer.id, 'view'),
    shared(editor.id, 'edit'),
    shared(id, before),
    { ...assigned(id, null, isByOwner), ...by },
  ];
  if (state.includes('became')) {
    made.push({ type: 'TaskSharePermissionChanged', data: { user_id: id, permission: { from: 'edit', to: 'view' } } });
  }
  if (!state.includes('revoked')) return made;
  made.push({ type: 'TaskUnshared', data: { user_id: id, permission: before, reason: 'revoked' } });
  return isByOwner ? made : [...made, { type: 'TaskUnassigned', data: { assignee_id: { from: id, to: null }, reason: 'command' } }];
}

function takenBack({ viewer, editor, assignee }: People): Happening[] {
  const unshared = (user_id: string, permission: 'view' | 'edit'): Happening => ({
    type: 'TaskUnshared',
    data: { user_id, permission, reason: 'revoked' },
  });
  return [
    unshared(viewer.id, 'view'),
    unshared(editor.id, 'edit'),
    { type: 'TaskUnassigned', data: { assignee_id: { from: assignee.id, to: null }, reason: 'command' } },
  ];
}
