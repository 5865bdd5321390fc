import type { Task } from '../../events/task/task.ts';
import type { TaskEvent } from '../../events/task/task-events.ts';
import { doneStatus, workflow } from '../../events/task/workflow.ts';
import type { Status } from '../../events/values.ts';
import { Rejection } from '../../rejection.ts';
import { onTask } from './task-command.ts';

export interface TransitionTask {
  targetStatus: Status;
  comment?: string;
}

/** Moves a task along the workflow. To the status it already has: nothing happens. */
export const transitionTask = onTask<TransitionTask>({
  needs: 'edit',
  decide: (task, { targetStatus, comment }, { at }) => transition(task, targetStatus, comment, at),
});

export function transition(task: Task, to: Status, comment: string | undefined, at: string): TaskEvent[] {
  const from = task.status;
  if (to === from) return [];
  const allowed = workflow[from];
  if (!allowed.includes(to)) {
    throw new Rejection('INVALID_TRANSITION', `Invalid transition from '${from}' to '${to}'`, [{ from, to, allowed }]);
  }
  const completed_at = { from: task.completedAt, to: to === doneStatus ? at : null };
  return [{ type: 'TaskTransitioned', data: { status: { from, to }, completed_at, ...(comment !== undefined && { comment }) } }];
}
