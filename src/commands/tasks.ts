import { v7 as uuidv7 } from 'uuid';
import type { Position } from '../events/store/event-store.ts';
import type { Person } from '../events/task/permission.ts';
import type { Task } from '../events/task/task.ts';
import type { CommandCall } from './command-call.ts';
import { createdTaskId } from './command-call.ts';
import { type CommandOutcome, type CommandParts, handleCommand, tryCommand } from './handle-command.ts';
import { type CreateTask, createTask } from './task/create-task.ts';
import { requireVisible, type TaskCommand, taskNotFound } from './task/task-command.ts';

/** A task as its stream says at this moment. */
export interface TaskNow {
  task: Task;
  revision: number;
  position: Position;
}

/** What became of one task of a call on several. */
export type BulkResult = { taskId: string; outcome: CommandOutcome } | { taskId: string; error: unknown };

/** Commands on tasks, and the one read that must be exact. All throw Rejection, StoreUnavailable or StoreOverloaded. */
export interface Tasks {
  create(input: CreateTask, call: CommandCall): Promise<CommandOutcome>;
  execute<Input>(taskId: string, command: TaskCommand<Input>, input: Input, call: CommandCall): Promise<CommandOutcome>;
  /** Each task on its own, in the order asked, doubles once. */
  executeAll<Input>(taskIds: readonly string[], command: TaskCommand<Input>, input: Input, call: CommandCall): Promise<BulkResult[]>;
  /** What would refuse the command, for each task, without doing anything. */
  tryAll<Input>(
    taskIds: readonly string[],
    command: TaskCommand<Input>,
    input: Input,
    call: CommandCall,
  ): Promise<{ taskId: string; error?: unknown }[]>;
  /** The task for somebody who may see it. Deleted tasks are absent, unless `deleted` lets their owner and admins see them. */
  read(taskId: string, reader: Person, options?: { deleted?: boolean }): Promise<TaskNow>;
}

export function createTasks(parts: CommandParts): Tasks {
  return {
    create(input, call) {
      const { idempotency } = call;
      const taskId = idempotency ? createdTaskId(parts.secret, { ...call, idempotency }) : uuidv7();
      return handleCommand(parts, { taskId, command: createTask, input, call, isNew: true });
    },
    execute: (taskId, command, input, call) => handleCommand(parts, { taskId, command, input, call }),
    executeAll: (taskIds, command, input, call) =>
      Promise.all(
        unique(taskIds).map((taskId) =>
          handleCommand(parts, { taskId, command, input, call, oneOfMany: true }).then(
            (outcome) => ({ taskId, outcome }),
            (error: unknown) => ({ taskId, error }),
          ),
        ),
      ),
    tryAll: (taskIds, command, input, call) =>
      Promise.all(
        unique(taskIds).map((taskId) =>
          tryCommand(parts, { taskId, command, input, call, oneOfMany: true }).then(
            () => ({ taskId }),
            (error: unknown) => ({ taskId, error }),
          ),
        ),
      ),
    // Behind the commands that are under way on the task, which fold the same aggregate.
    read: (taskId, reader, options) =>
      parts.queue.run(taskId, async () => {
        const { task, revision, position } = await parts.streams.current(taskId);
        const seen = requireVisible(task, reader);
        if (seen.deletedAt !== null && !(options?.deleted && (reader.isAdmin || seen.ownerId === reader.id))) throw taskNotFound();
        return { task: seen, revision, position };
      }),
  };
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
