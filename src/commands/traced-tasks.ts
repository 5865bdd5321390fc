import type { Tracing } from '../platform/tracing.ts';
import type { CommandCall } from './command-call.ts';
import type { CommandOutcome } from './command-order.ts';
import type { Tasks } from './tasks.ts';

/** The same commands, each call a part of the trace that it is made in. */
export function traced(tasks: Tasks, tracing: Tracing): Tasks {
  const part = (call: CommandCall, taskIds: readonly string[], work: () => Promise<CommandOutcome>) =>
    tracing.part('command', attributesOf(call, taskIds.length), async (span) => {
      const outcome = await work();
      span.describe({
        'tasktrail.task_id': outcome.task.id,
        'tasktrail.revision': outcome.revision,
        'tasktrail.events': outcome.events.map(({ type }) => type),
      });
      return outcome;
    });
  return {
    ...tasks,
    create: (input, call) => part(call, [''], () => tasks.create(input, call)),
    execute: (taskId, command, input, call) => part(call, [taskId], () => tasks.execute(taskId, command, input, call)),
    executeAll: (taskIds, command, input, call) =>
      tracing.part('command', attributesOf(call, taskIds.length), () => tasks.executeAll(taskIds, command, input, call)),
  };
}

function attributesOf({ operationId, actor }: CommandCall, tasks: number) {
  return { 'tasktrail.operation_id': operationId, 'tasktrail.actor_kind': actor.kind, 'tasktrail.tasks': tasks };
}
