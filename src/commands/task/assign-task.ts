import type { RecordedTaskEvent } from '../../events/recorded-event.ts';
import { allows, hasAccess, type Person, permissionOf, permissionUnassigned } from '../../events/task/permission.ts';
import type { Task } from '../../events/task/task.ts';
import type { TaskEvent } from '../../events/task/task-events.ts';
import { Rejection } from '../../rejection.ts';
import { onTask, requirePermission } from './task-command.ts';

/** A person as a command names them, with what the accounts say: whether there is an active account of that id. */
export interface Someone {
  id: string;
  isActive: boolean;
}

export interface AssignTask {
  assignee: Someone | null;
  /** Whose assignment the command ended when it was first carried out; only a repetition says so. */
  formerAssigneeId?: string | null;
}

/**
 * Assigns the task, or ends its assignment. An assignment that an owner or admin makes gives access, any other gives none. Assigning the
 * present assignee makes the assignment give access, if an owner or admin does it.
 */
export const assignTask = onTask<AssignTask>({
  needs: 'edit',
  allow(task, { assignee, formerAssigneeId = task.assigneeId }, { actor }) {
    const givesUpOwn = assignee === null && formerAssigneeId === actor.id;
    if (!givesUpOwn) requirePermission(task, actor, 'edit');
  },
  recall: recallAssignment,
  decide(task, { assignee }, { actor }) {
    const isBare = assignee !== null && assignee.id === task.assigneeId && !task.assignmentGivesAccess;
    if (!isBare || !decidesAlone(task, actor)) return assign(task, assignee, actor);
    requireKnown(assignee);
    return assigned(task, assignee.id, true);
  },
});

/** Makes the user the assignee, or ends the assignment. Nothing changes for the present assignee. */
export function assign(task: Task, assignee: Someone | null, actor: Person): TaskEvent[] {
  return (assignee?.id ?? null) === task.assigneeId ? [] : reassign(task, assignee, actor, true);
}

/** An assignment as it was: it gives access again only if it did and an owner or admin brings it back. */
export function assignBack(task: Task, assignee: Someone | null, gaveAccess: boolean, actor: Person): TaskEvent[] {
  const isSame = (assignee?.id ?? null) === task.assigneeId;
  if (isSame && (assignee === null || gaveAccess === task.assignmentGivesAccess)) return [];
  if (isSame && gaveAccess && !decidesAlone(task, actor)) return [];
  const events = reassign(task, assignee, actor, gaveAccess);
  if (assignee !== null && !gaveAccess && permissionUnassigned(task, assignee.id) === null)
    throw new Rejection(
      'ASSIGNEE_HAS_NO_ACCESS',
      'The former assignee has lost all other access to the task; assign the task to them again',
    );
  return events;
}

/** The end of an assignment that gives no access and whose assignee has lost all other access; nothing where there is none. */
export function endBareAssignment(task: Task): TaskEvent[] {
  return task.assigneeId === null || hasAccess(task, task.assigneeId) ? [] : unassigned(task.assigneeId);
}

/** What a repetition of an assignment is authorised with. */
export function recallAssignment(events: readonly RecordedTaskEvent[]): AssignTask {
  for (const { type, data } of events) {
    if (type === 'TaskAssigned') return { assignee: { id: data.assignee_id.to, isActive: true } };
    if (type === 'TaskUnassigned') return { assignee: null, formerAssigneeId: data.assignee_id.from };
  }
  return { assignee: null, formerAssigneeId: null };
}

export function requireKnown(person: Someone): void {
  if (!person.isActive) throw new Rejection('USER_NOT_FOUND', 'There is no such user');
}

function decidesAlone(task: Task, actor: Person): boolean {
  return allows(permissionOf(task, actor), 'owner');
}

function reassign(task: Task, assignee: Someone | null, actor: Person, canGiveAccess: boolean): TaskEvent[] {
  const isFree = decidesAlone(task, actor);
  if (assignee !== null) requireKnown(assignee);
  if (assignee !== null && !isFree) requireAssignable(task, assignee.id, actor);
  if (!isFree) requireRemovable(task, actor);
  if (assignee !== null) return assigned(task, assignee.id, isFree && canGiveAccess);
  return task.assigneeId === null ? [] : unassigned(task.assigneeId);
}

/** Editors assign themselves, and users whose permission to edit does not depend on an assignment, so that no permission grows. */
function requireAssignable(task: Task, userId: string, actor: Person): void {
  if (userId === actor.id || allows(permissionUnassigned(task, userId), 'edit')) return;
  const message = 'Only the owner may assign the task to a user who may not edit it; share the task with edit permission first';
  throw new Rejection('ASSIGNEE_HAS_NO_ACCESS', message);
}

/** Editors end their own assignment, and that of a user who keeps access without it. */
function requireRemovable(task: Task, actor: Person): void {
  if (task.assigneeId === null || task.assigneeId === actor.id) return;
  if (permissionUnassigned(task, task.assigneeId) !== null) return;
  throw new Rejection('FORBIDDEN', "Only the owner may end an assignment that is the assignee's only access to the task", [
    { needed: 'owner', have: permissionOf(task, actor) },
  ]);
}

function assigned(task: Task, to: string, gives_access: boolean): TaskEvent[] {
  return [{ type: 'TaskAssigned', data: { assignee_id: { from: task.assigneeId, to }, gives_access } }];
}

function unassigned(from: string): TaskEvent[] {
  return [{ type: 'TaskUnassigned', data: { assignee_id: { from, to: null }, reason: 'command' } }];
}
