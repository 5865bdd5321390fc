import type { Task } from '../../events/task/task.ts';
import type { TaskCommand } from './task-command.ts';

/**
 * Says of files that their content goes: of all files of a task that was deleted by then, and of those files that were. No person gives
 * this command, so that nobody's permission is asked for.
 */
export const purgeFiles: TaskCommand<{ deletedBy: string }> = {
  needsNoText: true,
  allow() {},
  decide(task, { deletedBy }) {
    const file_ids = task === null ? [] : dueFiles(task, deletedBy);
    return file_ids.length === 0 ? [] : [{ type: 'FilesPurged', data: { file_ids } }];
  },
};

function dueFiles(task: Task, deletedBy: string): string[] {
  const isDue = (at: string | null) => at !== null && at <= deletedBy;
  return [...task.files].filter(([, file]) => !file.purged && (isDue(task.deletedAt) || isDue(file.deletedAt))).map(([id]) => id);
}
