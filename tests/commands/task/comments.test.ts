import { describe, test } from '@jest/globals';
import { addComment, deleteComment, editComment, restoreComment } from '../../../src/commands/task/comment-on-task.ts';
import { admin, commented, created, deleted, editor, type Happening, owner, shared, stranger, viewer } from '../../support/happenings.ts';
import { given } from './given.ts';

const commentId = '00000000-0000-7000-8000-0000000000c1';
const task = [created(), shared(viewer, 'view'), shared(editor, 'edit')] as const;
const byViewer: Happening = { ...commented(commentId, 'I saw it'), by: viewer };
const says = (content: string, named: string[] = []) => ({ commentId, content, named });
const on = (by: 'author' | 'owner' | 'admin') => ({ comment_id: commentId, author_id: viewer, by });
const deletedBy = (by: string, role: 'author' | 'owner' | 'admin'): Happening => ({ type: 'CommentDeleted', data: on(role), by });

describe('comment', () => {
  test('is for everybody who sees the task', () => {
    given(...task)
      .when(addComment, says('I saw it'))
      .by(viewer)
      .then({ type: 'CommentAdded', data: { comment_id: commentId, content: 'I saw it', mentions: [] } });
    given(...task)
      .when(addComment, says('I saw it'))
      .by(stranger)
      .thenRejected('TASK_NOT_FOUND');
    given(...task, deleted())
      .when(addComment, says('I saw it'))
      .thenRejected('TASK_NOT_FOUND');
  });
  test('mentions those who have access, once', () => {
    given(...task)
      .when(addComment, says('@…', [editor, stranger, owner, editor]))
      .then({ type: 'CommentAdded', data: { comment_id: commentId, content: '@…', mentions: [editor, owner] } });
  });
});

describe('edit a comment', () => {
  const edited = (from: string, to: string, mentions = { from: [] as string[], to: [] as string[] }): Happening => ({
    type: 'CommentEdited',
    data: { comment_id: commentId, author_id: viewer, content: { from, to }, mentions },
  });
  test('keeps what it said before', () => {
    given(...task, byViewer)
      .when(editComment, says('I did it'))
      .by(viewer)
      .then(edited('I saw it', 'I did it'));
    given(...task, byViewer, { ...edited('I saw it', 'I did it'), by: viewer })
      .when(editComment, says('We did it', [editor]))
      .by(viewer)
      .then(edited('I did it', 'We did it', { from: [], to: [editor] }));
  });
  test('to what it says: nothing', () => {
    given(...task, byViewer)
      .when(editComment, says('I saw it'))
      .by(viewer)
      .thenNothing();
  });
  test('is for its author only', () => {
    for (const who of [owner, editor, admin])
      given(...task, byViewer)
        .when(editComment, says('No'))
        .by(who)
        .thenRejected('FORBIDDEN');
  });
  test('that is not there, or deleted', () => {
    given(...task)
      .when(editComment, says('No'))
      .thenRejected('COMMENT_NOT_FOUND');
    given(...task, byViewer, deletedBy(owner, 'owner'))
      .when(editComment, says('No'))
      .by(viewer)
      .thenRejected('COMMENT_NOT_FOUND');
  });
});

describe('delete and restore a comment', () => {
  test('its author, the owner and admins delete it', () => {
    given(...task, byViewer)
      .when(deleteComment, { commentId })
      .by(viewer)
      .then({ type: 'CommentDeleted', data: on('author') });
    given(...task, byViewer)
      .when(deleteComment, { commentId })
      .by(owner)
      .then({ type: 'CommentDeleted', data: on('owner') });
    given(...task, byViewer)
      .when(deleteComment, { commentId })
      .by(admin)
      .then({ type: 'CommentDeleted', data: on('admin') });
    given(...task, byViewer)
      .when(deleteComment, { commentId })
      .by(editor)
      .thenRejected('FORBIDDEN');
  });
  test('a deleted one is not there', () => {
    given(...task, byViewer, deletedBy(viewer, 'author'))
      .when(deleteComment, { commentId })
      .by(viewer)
      .thenRejected('COMMENT_NOT_FOUND');
  });
  test('whoever deleted it and the owner restore it', () => {
    const restored = (by: 'author' | 'owner') => ({ type: 'CommentRestored', data: on(by) }) as const;
    given(...task, byViewer, deletedBy(viewer, 'author'))
      .when(restoreComment, { commentId })
      .by(viewer)
      .then(restored('author'));
    given(...task, byViewer, deletedBy(viewer, 'author'))
      .when(restoreComment, { commentId })
      .by(owner)
      .then(restored('owner'));
    given(...task, byViewer, deletedBy(owner, 'owner'))
      .when(restoreComment, { commentId })
      .by(viewer)
      .thenRejected('COMMENT_NOT_FOUND');
    given(...task, byViewer, deletedBy(viewer, 'author'))
      .when(restoreComment, { commentId })
      .by(editor)
      .thenRejected('COMMENT_NOT_FOUND');
  });
  test('one that is not deleted: nothing, for who could', () => {
    given(...task, byViewer)
      .when(restoreComment, { commentId })
      .by(owner)
      .thenNothing();
    given(...task, byViewer)
      .when(restoreComment, { commentId })
      .by(viewer)
      .thenNothing();
    given(...task, byViewer)
      .when(restoreComment, { commentId })
      .by(editor)
      .thenRejected('FORBIDDEN');
  });
});
