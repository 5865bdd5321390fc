import { describe, test } from '@jest/globals';
import { attachFile, deleteFile } from '../../../src/commands/task/attach-file.ts';
import { restoreTask } from '../../../src/commands/task/delete-task.ts';
import { purgeFiles } from '../../../src/commands/task/purge-files.ts';
import {
  asItWas,
  at,
  created,
  deleted,
  editor,
  type Happening,
  owner,
  restored,
  shared,
  stranger,
  viewer,
} from '../../support/happenings.ts';
import { given } from './given.ts';

const task = [created(), shared(viewer, 'view'), shared(editor, 'edit')] as const;
const [fileId, other] = ['00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000f2'];
const content = { name: 'plan.txt', size: 5, sha256: 'abc' };
const file = { fileId, ...content, contentType: 'text/plain', blobKey: 'a/b' };
const attached = (file_id = fileId): Happening => ({
  type: 'FileAttached',
  data: { file_id, ...content, content_type: 'text/plain', blob_key: 'a/b' },
});
const fileDeleted = (file_id = fileId) => ({ type: 'FileDeleted', data: { file_id, size: 5, blob_key: 'a/b' } }) as const;
const purged = (...file_ids: string[]) => ({ type: 'FilesPurged', data: { file_ids } }) as const;

describe('attach a file', () => {
  test('is for who may edit the task', () => {
    for (const who of [owner, editor])
      given(...task)
        .when(attachFile, file)
        .by(who)
        .then(attached());
    given(...task)
      .when(attachFile, file)
      .by(viewer)
      .thenRejected('FORBIDDEN', { needed: 'edit', have: 'view' });
    given(...task)
      .when(attachFile, file)
      .by(stranger)
      .thenRejected('TASK_NOT_FOUND');
    given(...task, deleted())
      .when(attachFile, file)
      .thenRejected('TASK_NOT_FOUND');
  });
});

describe('delete a file', () => {
  test('is for who may edit the task, whoever uploaded it', () => {
    given(...task, attached())
      .when(deleteFile, { fileId })
      .by(editor)
      .then(fileDeleted());
    given(...task, attached())
      .when(deleteFile, { fileId })
      .by(viewer)
      .thenRejected('FORBIDDEN');
  });
  test('that is not there, or deleted', () => {
    given(...task)
      .when(deleteFile, { fileId })
      .thenRejected('FILE_NOT_FOUND');
    given(...task, attached(), fileDeleted())
      .when(deleteFile, { fileId })
      .thenRejected('FILE_NOT_FOUND');
  });
});

describe('purge files', () => {
  const deletedBy = at(60);
  test('of a task that was deleted by then: all of them', () => {
    given(...task, attached(), attached(other), fileDeleted(other), deleted())
      .when(purgeFiles, { deletedBy })
      .then(purged(fileId, other));
    given(...task, attached(), deleted())
      .when(purgeFiles, { deletedBy: at(3) })
      .thenNothing();
  });
  test('that were deleted by then, of a task that is there', () => {
    given(...task, attached(), attached(other), fileDeleted(other))
      .when(purgeFiles, { deletedBy })
      .then(purged(other));
  });
  test('of a task that was restored before: none; nor twice', () => {
    given(...task, attached(), deleted(), restored())
      .when(purgeFiles, { deletedBy })
      .thenNothing();
    given(...task, attached(), deleted(), purged(fileId))
      .when(purgeFiles, { deletedBy })
      .thenNothing();
    given().when(purgeFiles, { deletedBy }).thenNothing();
  });
  test('and a task that is restored afterwards says of which', () => {
    given(...task, attached(), attached(other), fileDeleted(other), deleted(), purged(fileId, other))
      .when(restoreTask, {})
      .then({
        type: 'TaskRestored',
        data: { restored: asItWas({ sharee_ids: [viewer, editor], file_ids: [fileId] }), purged_file_ids: [fileId] },
      });
  });
});
