import type { FileState, Task } from '../../events/task/task.ts';
import { limits } from '../../events/values.ts';
import { Rejection } from '../../rejection.ts';
import { onTask, requireRoom } from './task-command.ts';

/** A file whose content is stored already. */
export interface FileInput {
  fileId: string;
  name: string;
  /** In bytes. */
  size: number;
  contentType: string;
  /** In hexadecimal digits. */
  sha256: string;
  /** Where the content is stored. */
  blobKey: string;
}

/** Where the content of a file is stored: found from the task, and the task from it. */
export function blobKeyOf(taskId: string, fileId: string): string {
  return `${taskId}/${fileId}`;
}

export const attachFile = onTask<FileInput>({
  needs: 'edit',
  decide(task, { fileId, name, size, contentType, sha256, blobKey }) {
    requireRoom(task.fileCount, limits.maxFiles, 'files');
    return [{ type: 'FileAttached', data: { file_id: fileId, name, size, content_type: contentType, sha256, blob_key: blobKey } }];
  },
});

/** Takes a file off the task. Its content goes some days later. */
export const deleteFile = onTask<{ fileId: string }>({
  needs: 'edit',
  decide(task, { fileId }) {
    const { size, blobKey } = requireFile(task, fileId);
    return [{ type: 'FileDeleted', data: { file_id: fileId, size, blob_key: blobKey } }];
  },
});

/** @returns the file, when it is there and not deleted */
export function requireFile(task: Task, fileId: string): FileState {
  const file = task.files.get(fileId);
  if (!file || file.deletedAt !== null) throw new Rejection('FILE_NOT_FOUND', 'There is no such file');
  return file;
}
