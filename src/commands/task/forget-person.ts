import type { Task } from '../../events/task/task.ts';
import type { TaskEvent } from '../../events/task/task-events.ts';
import { endBareAssignment } from './assign-task.ts';
import { deleted } from './delete-task.ts';
import { inSequence, type TaskCommand } from './task-command.ts';

export interface ForgetPerson {
  personId: string;
  /** Who is given what the person owns; null when it goes with the account. */
  heirId: string | null;
}

/**
 * Takes an erased person off a task, whatever they were to it. What they own and had deleted goes in any case: nobody is given it. The
 * person's own wish, of which there is but one, so that nobody's permission is asked for.
 */
export const forgetPerson: TaskCommand<ForgetPerson> = {
  needsNoText: true,
  allow() {},
  decide(task, { personId, heirId }, context) {
    if (task === null || task.erased) return [];
    if (task.ownerId === personId && (heirId === null || task.deletedAt !== null))
      return deleted(task, { forced: false, reason: 'erased' });
    return inSequence(task, context, [
      (now) => (now.ownerId === personId ? handOver(now, heirId!) : []),
      (now) => unshare(now, personId, 'erased'),
      (now) => unassign(now, personId),
      endBareAssignment,
    ]);
  },
};

function handOver(task: Task, heirId: string): TaskEvent[] {
  return [
    ...unshare(task, heirId, 'transferred'),
    { type: 'TaskTransferred', data: { owner_id: { from: task.ownerId, to: heirId }, kept: null, reason: 'erased' } },
  ];
}

function unshare(task: Task, userId: string, reason: 'erased' | 'transferred'): TaskEvent[] {
  const share = task.shares.get(userId);
  return share ? [{ type: 'TaskUnshared', data: { user_id: userId, permission: share.permission, reason } }] : [];
}

function unassign(task: Task, userId: string): TaskEvent[] {
  return task.assigneeId === userId
    ? [{ type: 'TaskUnassigned', data: { assignee_id: { from: userId, to: null }, reason: 'erased' } }]
    : [];
}
