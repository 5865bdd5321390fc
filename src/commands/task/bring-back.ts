import type { RecordedTaskEvent } from '../../events/recorded-event.ts';
import type { Task } from '../../events/task/task.ts';
import type { TaskEvent } from '../../events/task/task-events.ts';
import { doneStatus, initialStatus } from '../../events/task/workflow.ts';
import type { Priority, SharePermission, Status } from '../../events/values.ts';
import { Rejection } from '../../rejection.ts';
import { assignBack, endBareAssignment, requireKnown, type Someone } from './assign-task.ts';
import { deleted, restored } from './delete-task.ts';
import { changeTags, editFields } from './edit-task.ts';
import { type Context, inSequence, requirePermission } from './task-command.ts';

/** What a task was before something changed it, as far as that went. */
export interface Earlier {
  title?: string;
  description?: string;
  priority?: Priority;
  dueDate?: string | null;
  tags?: readonly string[];
  status?: { status: Status; completedAt: string | null };
  assignment?: { assigneeId: string | null; gaveAccess: boolean };
  deleted?: boolean;
  /** By the sharee's id; null where there was no share. */
  shares: Record<string, SharePermission | null>;
}

/**
 * What the task was before these events, oldest first.
 * @param history all that has happened to the task
 * @throws Rejection NOTHING_TO_UNDO where that is text that was erased
 */
export function before(events: readonly RecordedTaskEvent[], history: readonly RecordedTaskEvent[]): Earlier {
  const earlier: Earlier = { shares: {} };
  for (const event of events.toReversed()) {
    const { shares, ...fields } = beforeOne(event, history);
    Object.assign(earlier, fields);
    Object.assign(earlier.shares, shares);
  }
  return earlier;
}

/** Makes the task what it was: by ordinary events, along the workflow or not. Who may, and to whom things are given, is looked at. */
export function bringBack(task: Task, earlier: Earlier, isActive: (userId: string) => boolean, context: Context): TaskEvent[] {
  const someone = (id: string): Someone => ({ id, isActive: isActive(id) });
  const { actor } = context;
  return inSequence(task, context, [
    (now) => (earlier.deleted === false ? restoredBy(now, context) : []),
    (now) => editFields(now, earlier),
    (now) => changeTags(now, earlier.tags ?? now.tags),
    (now) => (earlier.status ? transitionBack(now, earlier.status) : []),
    ...Object.entries(earlier.shares).map(
      ([userId, permission]) =>
        (now: Task) =>
          shareBack(now, someone(userId), permission, context),
    ),
    (now) => {
      if (earlier.assignment === undefined) return [];
      const { assigneeId, gaveAccess } = earlier.assignment;
      return assignBack(now, assigneeId === null ? null : someone(assigneeId), gaveAccess, actor);
    },
    endBareAssignment,
    (now) => (earlier.deleted === true ? deletedBy(now, context) : []),
  ]);
}

function beforeOne(event: RecordedTaskEvent, history: readonly RecordedTaskEvent[]): Partial<Earlier> {
  switch (event.type) {
    case 'TaskEdited':
      return fieldsBefore(event.data.changes);
    case 'TaskTagsChanged':
      return { tags: event.data.tags.from };
    case 'TaskTransitioned':
      return { status: { status: event.data.status.from, completedAt: event.data.completed_at.from } };
    case 'TaskAssigned':
    case 'TaskUnassigned':
      return { assignment: { assigneeId: event.data.assignee_id.from, gaveAccess: gaveAccessBefore(event.revision, history) } };
    case 'TaskShared':
      return { shares: { [event.data.user_id]: null } };
    case 'TaskSharePermissionChanged':
      return { shares: { [event.data.user_id]: event.data.permission.from } };
    case 'TaskUnshared':
      return { shares: { [event.data.user_id]: event.data.permission } };
    case 'TaskDeleted':
      return { deleted: false };
    case 'TaskRestored':
      return { deleted: true };
    default:
      return {};
  }
}

/** Whether the assignment that stood before this revision gave access. One that is made with the task does. */
function gaveAccessBefore(revision: number, history: readonly RecordedTaskEvent[]): boolean {
  const last = history.findLast((event) => event.revision < revision && event.type === 'TaskAssigned');
  return last?.type === 'TaskAssigned' ? last.data.gives_access : true;
}

function fieldsBefore({ title, description, priority, due_date }: (RecordedTaskEvent & { type: 'TaskEdited' })['data']['changes']) {
  if (title === null || description === null) throw new Rejection('NOTHING_TO_UNDO', 'The text that was there before is erased');
  return {
    ...(title && { title: title.from }),
    ...(description && { description: description.from }),
    ...(priority && { priority: priority.from }),
    ...(due_date && { dueDate: due_date.from }),
  };
}

/** A task that was done, and is again, comes back to its first time of completion by a step in between. */
function transitionBack(task: Task, to: { status: Status; completedAt: string | null }): TaskEvent[] {
  if (to.status === task.status && to.completedAt === task.completedAt) return [];
  const move = (from: { status: Status; completedAt: string | null }, { status, completedAt }: typeof to): TaskEvent => ({
    type: 'TaskTransitioned',
    data: { status: { from: from.status, to: status }, completed_at: { from: from.completedAt, to: completedAt } },
  });
  if (to.status !== task.status) return [move(task, to)];
  const between = { status: to.status === doneStatus ? initialStatus : doneStatus, completedAt: null };
  return [move(task, between), move(between, to)];
}

function shareBack(task: Task, person: Someone, to: SharePermission | null, { actor }: Context): TaskEvent[] {
  const user_id = person.id;
  const from = task.shares.get(user_id)?.permission ?? null;
  if (from === to) return [];
  requirePermission(task, actor, 'owner');
  if (to === null) {
    return [{ type: 'TaskUnshared', data: { user_id, permission: from!, reason: user_id === actor.id ? 'left' : 'revoked' } }];
  }
  if (from !== null) return [{ type: 'TaskSharePermissionChanged', data: { user_id, permission: { from, to } } }];
  requireKnown(person);
  return [{ type: 'TaskShared', data: { user_id, permission: to } }];
}

function restoredBy(task: Task, { actor }: Context): TaskEvent[] {
  if (task.deletedAt === null) return [];
  requirePermission(task, actor, 'owner');
  return restored(task);
}

function deletedBy(task: Task, { actor }: Context): TaskEvent[] {
  if (task.deletedAt !== null) return [];
  requirePermission(task, actor, 'owner');
  return deleted(task, { forced: false, reason: 'command' });
}
