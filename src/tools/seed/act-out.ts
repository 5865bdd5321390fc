import { randomUUID } from 'node:crypto';
import type { CommandCall } from '../../commands/command-call.ts';
import type { CommandOutcome } from '../../commands/command-order.ts';
import { assignTask } from '../../commands/task/assign-task.ts';
import { deleteTask, restoreTask } from '../../commands/task/delete-task.ts';
import { editTask } from '../../commands/task/edit-task.ts';
import { addTags } from '../../commands/task/tag-task.ts';
import { transitionTask } from '../../commands/task/transition-task.ts';
import type { Tasks } from '../../commands/tasks.ts';
import type { PersonName } from './people.ts';
import type { Deed, Step } from './plan.ts';

/**
 * Carries out what was planned, each step by its command, as the person and at the time that the plan says; one after the other, so that
 * the log has them in the order of their times.
 * @param ids of the people's accounts @param onStep told after each step how many events it made
 */
export async function actOut(
  steps: readonly Step[],
  tasks: Tasks,
  ids: Record<PersonName, string>,
  onStep: (events: number) => void,
): Promise<void> {
  const taskIds = new Map<number, string>();
  for (const { at, by, task, deed } of steps) {
    const call: CommandCall = {
      actor: { id: ids[by], isAdmin: false, kind: 'user' },
      operationId: randomUUID(),
      requestId: randomUUID(),
      at: new Date(at).toISOString(),
    };
    if (deed.what === 'create') {
      const { task: created, events } = await tasks.create({ ...deed, assignee: null }, call);
      taskIds.set(task, created.id);
      onStep(events.length);
    } else onStep((await change(tasks, taskIds.get(task)!, deed, ids, call)).events.length);
  }
}

function change(
  tasks: Tasks,
  id: string,
  deed: Exclude<Deed, { what: 'create' }>,
  ids: Record<PersonName, string>,
  call: CommandCall,
): Promise<CommandOutcome> {
  switch (deed.what) {
    case 'edit':
      return tasks.execute(id, editTask, deed, call);
    case 'transition':
      return tasks.execute(id, transitionTask, { targetStatus: deed.to, ...(deed.comment && { comment: deed.comment }) }, call);
    case 'tag':
      return tasks.execute(id, addTags, { tags: deed.tags }, call);
    case 'assign':
      return tasks.execute(id, assignTask, { assignee: deed.to && { id: ids[deed.to], isActive: true } }, call);
    case 'delete':
      return tasks.execute(id, deleteTask, { reason: 'command' }, call);
    case 'restore':
      return tasks.execute(id, restoreTask, {}, call);
  }
}
