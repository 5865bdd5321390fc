import { doneStatus } from '../../events/task/workflow.ts';
import type { Priority, Status } from '../../events/values.ts';
import { requireKnown, type Someone } from './assign-task.ts';
import { requireReadable, type TaskCommand } from './task-command.ts';

export interface CreateTask {
  title: string;
  description: string;
  priority: Priority;
  status: Status;
  dueDate: string | null;
  /** Normalised: trimmed, lower-case, unique, sorted. */
  tags: string[];
  assignee: Someone | null;
}

/** Makes a task; whoever makes it owns it. */
export const createTask: TaskCommand<CreateTask> = {
  // The task is there only where the creation is repeated.
  allow(task, _input, { actor }) {
    if (task !== null) requireReadable(task, actor, true);
  },
  decide(task, input, { actor, at }) {
    if (task !== null) return [];
    if (input.assignee !== null) requireKnown(input.assignee);
    return [
      {
        type: 'TaskCreated',
        data: {
          title: input.title,
          description: input.description,
          priority: input.priority,
          status: input.status,
          completed_at: input.status === doneStatus ? at : null,
          due_date: input.dueDate,
          tags: input.tags,
          owner_id: actor.id,
          assignee_id: input.assignee?.id ?? null,
        },
      },
    ];
  },
};
