import { allows, hasAccess, type Person, permissionOf } from '../../events/task/permission.ts';
import type { Task } from '../../events/task/task.ts';
import type { TaskEvent } from '../../events/task/task-events.ts';
import { Rejection } from '../../rejection.ts';
import { onTask } from './task-command.ts';

/** A person as a command names them, with what the accounts say: whether there is an active account of that id. */
export interface Someone {
  id: string;
  isActive: boolean;
}

/** Gives the task to somebody, or to nobody. Those who may edit give it to those who have access, or back; owners to anyone active. */
export const assignTask = onTask<{ assignee: Someone | null }>({
  needs: 'edit',
  decide: (task, { assignee }, { actor }) => assign(task, assignee, actor),
});

export function assign(task: Task, assignee: Someone | null, actor: Person): TaskEvent[] {
  if ((assignee?.id ?? null) === task.assigneeId) return [];
  const decidesAlone = allows(permissionOf(task, actor), 'owner');
  if (assignee === null) return unassign(task, actor, decidesAlone);
  requireKnown(assignee);
  if (!decidesAlone && !hasAccess(task, assignee.id)) {
    throw new Rejection('ASSIGNEE_HAS_NO_ACCESS', 'Only the owner may assign the task to someone who has no access to it');
  }
  return [{ type: 'TaskAssigned', data: { assignee_id: { from: task.assigneeId, to: assignee.id }, gives_access: true } }];
}

export function requireKnown(person: Someone): void {
  if (!person.isActive) throw new Rejection('USER_NOT_FOUND', 'There is no such user');
}

function unassign(task: Task, actor: Person, decidesAlone: boolean): TaskEvent[] {
  if (task.assigneeId === null) return [];
  if (!decidesAlone && task.assigneeId !== actor.id) {
    throw new Rejection('FORBIDDEN', 'Only the owner may take the task from someone else', [
      { needed: 'owner', have: permissionOf(task, actor) },
    ]);
  }
  return [{ type: 'TaskUnassigned', data: { assignee_id: { from: task.assigneeId, to: null }, reason: 'command' } }];
}
