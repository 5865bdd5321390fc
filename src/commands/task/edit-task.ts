import type { Task } from '../../events/task/task.ts';
import type { TaskEvent } from '../../events/task/task-events.ts';
import { doneStatus, initialStatus } from '../../events/task/workflow.ts';
import type { Priority, Status } from '../../events/values.ts';
import { assign, recallAssignment, type Someone } from './assign-task.ts';
import { inSequence, onTask, requirePermission } from './task-command.ts';
import { transition } from './transition-task.ts';

/** What is left out stays as it is. */
export interface EditTask {
  title?: string;
  description?: string;
  priority?: Priority;
  dueDate?: string | null;
  tags?: string[];
  status?: Status;
  /** In place of a status: true moves to done, false from done to todo. */
  completed?: boolean;
  assignee?: Someone | null;
  /** As in the command that assigns. */
  formerAssigneeId?: string | null;
}

/** Changes fields, tags, status and assignee together: each by its own rule, all of them or none. */
export const editTask = onTask<EditTask>({
  needs: 'edit',
  allow(task, { formerAssigneeId = task.assigneeId, ...edit }, { actor }) {
    const givesUpOwn = isEndOfAssignment(edit) && formerAssigneeId === actor.id;
    if (!givesUpOwn) requirePermission(task, actor, 'edit');
  },
  recall: (events) => (events.every(({ type }) => type === 'TaskUnassigned') ? recallAssignment(events) : {}),
  decide(task, edit, context) {
    return inSequence(task, context, [
      (current) => editFields(current, edit),
      (current) => changeTags(current, edit.tags ?? current.tags),
      (current) => transition(current, targetStatus(current, edit), undefined, context.at),
      (current) => (edit.assignee === undefined ? [] : assign(current, edit.assignee, context.actor)),
    ]);
  },
});

/** Whether the end of the assignment is all that the edit asks for. */
function isEndOfAssignment({ assignee, ...others }: EditTask): boolean {
  return assignee === null && Object.values(others).every((value) => value === undefined);
}

/** The tags become these, normalised already. */
export function changeTags(task: Task, tags: readonly string[]): TaskEvent[] {
  if (tags.length === task.tags.length && tags.every((tag, index) => tag === task.tags[index])) return [];
  return [{ type: 'TaskTagsChanged', data: { tags: { from: [...task.tags], to: [...tags] } } }];
}

/** What is left out stays as it is. */
export function editFields(task: Task, edit: Pick<EditTask, 'title' | 'description' | 'priority' | 'dueDate'>): TaskEvent[] {
  const changes = {
    ...changed('title', task.title, edit.title),
    ...changed('description', task.description, edit.description),
    ...changed('priority', task.priority, edit.priority),
    ...changed('due_date', task.dueDate, edit.dueDate),
  };
  return Object.keys(changes).length === 0 ? [] : [{ type: 'TaskEdited', data: { changes } }];
}

function changed<K extends string, V>(field: K, from: V, to: V | undefined): { [F in K]?: { from: V; to: V } } {
  return to === undefined || to === from ? {} : ({ [field]: { from, to } } as { [F in K]: { from: V; to: V } });
}

function targetStatus(task: Task, { status, completed }: EditTask): Status {
  if (completed === undefined) return status ?? task.status;
  if (completed) return doneStatus;
  return task.status === doneStatus ? initialStatus : task.status;
}
