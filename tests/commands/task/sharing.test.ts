import { describe, test } from '@jest/globals';
import { changeShare, shareTask, transferTask, unshareTask } from '../../../src/commands/task/share-task.ts';
import { admin, assigned, created, deleted, editor, owner, shared, stranger, viewer } from '../../support/happenings.ts';
import { given } from './given.ts';

const active = (id: string) => ({ id, isActive: true });
const view = (id: string) => ({ person: active(id), permission: 'view' as const });

describe('share', () => {
  test('gives access', () => {
    given(created()).when(shareTask, view(viewer)).then(shared(viewer, 'view'));
    given(created()).when(shareTask, view(viewer)).by(admin).then(shared(viewer, 'view'));
  });
  test('is the owner’s to do', () => {
    given(created(), shared(editor, 'edit'))
      .when(shareTask, view(viewer))
      .by(editor)
      .thenRejected('FORBIDDEN', { needed: 'owner', have: 'edit' });
    given(created()).when(shareTask, view(viewer)).by(stranger).thenRejected('TASK_NOT_FOUND');
    given(created(), assigned(editor)).when(shareTask, view(viewer)).by(editor).thenRejected('FORBIDDEN');
  });
  test('not with oneself, the owner, somebody who has it, or nobody', () => {
    given(created()).when(shareTask, view(owner)).thenRejected('CANNOT_SHARE_WITH_SELF');
    given(created()).when(shareTask, view(owner)).by(admin).thenRejected('ALREADY_OWNER');
    given(created(), shared(viewer, 'view')).when(shareTask, view(viewer)).thenRejected('ALREADY_SHARED');
    given(created())
      .when(shareTask, { person: { id: stranger, isActive: false }, permission: 'view' })
      .thenRejected('USER_NOT_FOUND');
  });
  test('not a deleted task', () => {
    given(created(), deleted()).when(shareTask, view(viewer)).thenRejected('TASK_NOT_FOUND');
  });
});

describe('change a share', () => {
  test('to another permission', () => {
    given(created(), shared(viewer, 'view'))
      .when(changeShare, { userId: viewer, permission: 'edit' })
      .then({ type: 'TaskSharePermissionChanged', data: { user_id: viewer, permission: { from: 'view', to: 'edit' } } });
  });
  test('to the one it has: nothing', () => {
    given(created(), shared(viewer, 'view')).when(changeShare, { userId: viewer, permission: 'view' }).thenNothing();
  });
  test('that is not there', () => {
    given(created()).when(changeShare, { userId: viewer, permission: 'edit' }).thenRejected('SHARE_NOT_FOUND');
  });
  test('is not the sharee’s to do', () => {
    given(created(), shared(viewer, 'view')).when(changeShare, { userId: viewer, permission: 'edit' }).by(viewer).thenRejected('FORBIDDEN');
  });
});

describe('take a share away', () => {
  const gone = (reason: 'revoked' | 'left') => ({ type: 'TaskUnshared', data: { user_id: viewer, permission: 'view', reason } }) as const;
  test('by the owner or an admin: revoked', () => {
    for (const who of [owner, admin])
      given(created(), shared(viewer, 'view')).when(unshareTask, { userId: viewer }).by(who).then(gone('revoked'));
  });
  test('by the sharee: left', () => {
    given(created(), shared(viewer, 'view')).when(unshareTask, { userId: viewer }).by(viewer).then(gone('left'));
  });
  test('not by another sharee', () => {
    given(created(), shared(viewer, 'view'), shared(editor, 'edit'))
      .when(unshareTask, { userId: viewer })
      .by(editor)
      .thenRejected('FORBIDDEN');
  });
  test('an assignee without a share has none to leave', () => {
    given(created(), assigned(editor)).when(unshareTask, { userId: editor }).by(editor).thenRejected('SHARE_NOT_FOUND');
  });
});

describe('transfer', () => {
  const to = (id: string, keep: 'view' | 'edit' | null = 'edit') => ({ newOwner: active(id), keep });
  const transferred = (kept: 'view' | 'edit' | null) =>
    ({ type: 'TaskTransferred', data: { owner_id: { from: owner, to: stranger }, kept, reason: 'command' } }) as const;
  test('gives the task away, and keeps a share or nothing', () => {
    given(created()).when(transferTask, to(stranger)).then(transferred('edit'));
    given(created()).when(transferTask, to(stranger, null)).by(admin).then(transferred(null));
  });
  test('to a sharee ends their share', () => {
    given(created(), shared(stranger, 'view'))
      .when(transferTask, to(stranger, 'view'))
      .then({ type: 'TaskUnshared', data: { user_id: stranger, permission: 'view', reason: 'transferred' } }, transferred('view'));
  });
  test('to the owner: nothing', () => {
    given(created()).when(transferTask, to(owner)).thenNothing();
  });
  test('not to who has no account', () => {
    given(created())
      .when(transferTask, { newOwner: { id: stranger, isActive: false }, keep: null })
      .thenRejected('USER_NOT_FOUND');
  });
  test('is not an editor’s to do', () => {
    given(created(), shared(editor, 'edit')).when(transferTask, to(editor)).by(editor).thenRejected('FORBIDDEN');
  });
});
