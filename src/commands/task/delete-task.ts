import type { Task } from '../../events/task/task.ts';
import type { TaskAsItWas, TaskEvent } from '../../events/task/task-events.ts';
import { onTask, requirePermission } from './task-command.ts';

/** Takes a task out of sight. Its stream stays, and restoring it brings everything back. */
export const deleteTask = onTask<{ reason: 'command' | 'bulk' }>({
  needs: 'owner',
  decide: (task, { reason }) => deleted(task, { forced: false, reason }),
});

/** The same for an assignee whose assignment gives access, too. */
export const forceDeleteTask = onTask<object>({
  needs: 'owner',
  allow(task, _input, { actor }) {
    if (task.assigneeId === actor.id && task.assignmentGivesAccess) return;
    requirePermission(task, actor, 'owner');
  },
  decide: (task) => deleted(task, { forced: true, reason: 'command' }),
});

/** Brings a deleted task back as it was; nothing happens to one that is not deleted. */
export const restoreTask = onTask<object>({
  needs: 'owner',
  onDeleted: true,
  decide: (task) => (task.deletedAt === null ? [] : restored(task)),
});

export function restored(task: Task): TaskEvent[] {
  const purged_file_ids = [...task.files].filter(([, file]) => file.deletedAt === null && file.purged).map(([id]) => id);
  return [{ type: 'TaskRestored', data: { restored: asItWas(task), purged_file_ids } }];
}

export function deleted(task: Task, how: { forced: boolean; reason: 'command' | 'bulk' | 'erased' }): TaskEvent[] {
  return [{ type: 'TaskDeleted', data: { ...how, last: asItWas(task) } }];
}

function asItWas(task: Task): TaskAsItWas {
  return {
    status: task.status,
    priority: task.priority,
    due_date: task.dueDate,
    tags: [...task.tags],
    owner_id: task.ownerId,
    assignee_id: task.assigneeId,
    gives_access: task.assignmentGivesAccess,
    sharee_ids: [...task.shares.keys()],
    comment_count: task.commentCount,
    file_ids: [...task.files].filter(([, file]) => file.deletedAt === null).map(([id]) => id),
  };
}
