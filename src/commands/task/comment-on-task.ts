import { commentVersions } from '../../events/task/comments.ts';
import { allows, hasAccess, type Person, permissionOf } from '../../events/task/permission.ts';
import type { CommentState, Task } from '../../events/task/task.ts';
import { limits } from '../../events/values.ts';
import { Rejection } from '../../rejection.ts';
import { type Context, onTask, requireRoom } from './task-command.ts';

/** What is said, and whom it names: people that exist; those without access to the task are not mentioned. */
export interface CommentInput {
  commentId: string;
  content: string;
  named: readonly string[];
}

export const addComment = onTask<CommentInput>({
  needs: 'view',
  decide(task, { commentId, content, named }) {
    requireRoom(task.comments.size, limits.maxComments, 'comments, deleted ones included');
    return [{ type: 'CommentAdded', data: { comment_id: commentId, content, mentions: mentionsOn(task, named) } }];
  },
});

/** Only its author may. What it said before is in the stream, not in the folded task. */
export const editComment = onTask<CommentInput>({
  needs: 'view',
  readsHistory: true,
  decide(task, { commentId, content, named }, { actor, history }) {
    const comment = requireStanding(task, commentId);
    if (comment.authorId !== actor.id) throw notTheirs(task, { actor });
    const before = commentVersions(history, commentId).at(-1)?.content ?? '';
    if (content === before) return [];
    const mentions = { from: [...comment.mentions], to: mentionsOn(task, named) };
    const changed = { from: before, to: content };
    return [{ type: 'CommentEdited', data: { comment_id: commentId, author_id: comment.authorId, content: changed, mentions } }];
  },
});

export const deleteComment = onTask<{ commentId: string }>({
  needs: 'view',
  decide(task, { commentId }, { actor }) {
    const { authorId } = requireStanding(task, commentId);
    return [{ type: 'CommentDeleted', data: { comment_id: commentId, author_id: authorId, by: inWhichRole(task, authorId, { actor }) } }];
  },
});

/** Whoever deleted it may, and the owner. */
export const restoreComment = onTask<{ commentId: string }>({
  needs: 'view',
  decide(task, { commentId }, { actor }) {
    const comment = requireReadable(task, commentId, actor);
    if (!mayRestore(task, comment, actor)) throw notTheirs(task, { actor });
    if (comment.deletedBy === null) return [];
    const by = comment.authorId === actor.id ? 'author' : inWhichRole(task, comment.authorId, { actor });
    return [{ type: 'CommentRestored', data: { comment_id: commentId, author_id: comment.authorId, by } }];
  },
});

function mentionsOn(task: Task, named: readonly string[]): string[] {
  return [...new Set(named)].filter((id) => hasAccess(task, id));
}

function requireComment(task: Task, commentId: string): CommentState {
  const comment = task.comments.get(commentId);
  if (!comment) throw new Rejection('COMMENT_NOT_FOUND', 'There is no such comment');
  return comment;
}

function mayRestore(task: Task, { deletedBy, authorId }: CommentState, person: Person): boolean {
  return (deletedBy ?? authorId) === person.id || allows(permissionOf(task, person), 'owner');
}

/** @returns the comment, which is gone once it is deleted, but for those who may bring it back */
export function requireReadable(task: Task, commentId: string, person: Person): CommentState {
  const comment = requireComment(task, commentId);
  return mayRestore(task, comment, person) ? comment : requireStanding(task, commentId);
}

/** @returns the comment, when it is not deleted */
function requireStanding(task: Task, commentId: string): CommentState {
  const comment = requireComment(task, commentId);
  if (comment.deletedBy !== null) throw new Rejection('COMMENT_NOT_FOUND', 'There is no such comment');
  return comment;
}

function inWhichRole(task: Task, authorId: string, { actor }: Pick<Context, 'actor'>): 'author' | 'owner' | 'admin' {
  if (authorId === actor.id) return 'author';
  const have = permissionOf(task, actor);
  if (!allows(have, 'owner')) throw notTheirs(task, { actor });
  return have === 'admin' ? 'admin' : 'owner';
}

function notTheirs(task: Task, { actor }: Pick<Context, 'actor'>): Rejection {
  return new Rejection('FORBIDDEN', 'The comment is not theirs', [{ needed: 'owner', have: permissionOf(task, actor) }]);
}
