import { v7 as uuidv7 } from 'uuid';
import type { RecordedTaskEvent } from '../events/recorded-event.ts';
import type { Position } from '../events/store/event-store.ts';
import { accessTo, type Person } from '../events/task/permission.ts';
import type { Task } from '../events/task/task.ts';
import type { TaskEvent } from '../events/task/task-events.ts';
import type { Status } from '../events/values.ts';
import type { CommandCall } from './command-call.ts';
import { identify, keyedId } from './command-call.ts';
import type { CommandOutcome } from './command-order.ts';
import { type CommandParts, handleCommand, tryCommand } from './handle-command.ts';
import { type CreateTask, createTask } from './task/create-task.ts';
import { requireReadable, type TaskCommand } from './task/task-command.ts';

/** A task as its stream says at this moment. */
export interface TaskNow {
  task: Task;
  revision: number;
  position: Position;
}

/** What became of one task of a call on several. */
export type BulkResult = { taskId: string; outcome: CommandOutcome } | BulkRefusal;

export interface BulkRefusal {
  taskId: string;
  error: unknown;
  /** The status of the task that was refused, as far as the caller may see the task. */
  status?: Status;
}

/** What would become of it. */
export interface BulkTrial {
  taskId: string;
  events: readonly TaskEvent[];
  /** What would refuse it, if anything. */
  error?: unknown;
  /** The task's status now, as far as the caller may see the task. */
  status?: Status;
}

/** Commands on tasks, and the one read that must be exact. All throw Rejection, StoreUnavailable or StoreOverloaded. */
export interface Tasks {
  create(input: CreateTask, call: CommandCall): Promise<CommandOutcome>;
  execute<Input>(taskId: string, command: TaskCommand<Input>, input: Input, call: CommandCall): Promise<CommandOutcome>;
  /** Each task on its own, in the order asked, doubles once. */
  executeAll<Input>(taskIds: readonly string[], command: TaskCommand<Input>, input: Input, call: CommandCall): Promise<BulkResult[]>;
  /** What the command would append, or be refused with, for each task, without doing anything. */
  tryAll<Input>(taskIds: readonly string[], command: TaskCommand<Input>, input: Input, call: CommandCall): Promise<BulkTrial[]>;
  /** Whether the call's key is known on the task, so that its first outcome is returned and nothing is appended. */
  isRepeat(taskId: string, call: CommandCall): Promise<boolean>;
  /** An id for what a call makes beside tasks: the same at every repetition with its key. */
  keyedId(call: CommandCall): string;
  /** The task for somebody who may see it. Deleted tasks are absent, unless `deleted` lets their owner and admins see them. */
  read(taskId: string, reader: Person, options?: { deleted?: boolean }): Promise<TaskNow>;
  /** The same, with what happened to it: from one revision to another, both included; all of it unless said otherwise. */
  history(
    taskId: string,
    reader: Person,
    options?: { deleted?: boolean; from?: number; to?: number },
  ): Promise<TaskNow & { events: readonly RecordedTaskEvent[] }>;
  /** The events of a task that the reader has been found to see, a page at a time: a long history is never held whole. */
  events(taskId: string, range: { from: number; to: number }): AsyncIterable<readonly RecordedTaskEvent[]>;
}

export function createTasks(parts: CommandParts): Tasks {
  return {
    create(input, call) {
      const identity = identify(parts.secret, call);
      return handleCommand(parts, { taskId: identity.createdId ?? uuidv7(), command: createTask, input, call, isNew: true, identity });
    },
    execute: (taskId, command, input, call) => handleCommand(parts, { taskId, command, input, call }),
    executeAll: (taskIds, command, input, call) =>
      Promise.all(
        unique(taskIds).map((taskId) =>
          handleCommand(parts, { taskId, command, input, call, oneOfMany: true }).then(
            (outcome) => ({ taskId, outcome }),
            (error: unknown) => ({ taskId, error, ...statusSeen(parts, taskId, call.actor) }),
          ),
        ),
      ),
    tryAll: (taskIds, command, input, call) =>
      Promise.all(
        unique(taskIds).map((taskId) =>
          tryCommand(parts, { taskId, command, input, call, oneOfMany: true }).then(
            (events): BulkTrial => ({ taskId, events, ...statusSeen(parts, taskId, call.actor) }),
            (error: unknown): BulkTrial => ({ taskId, events: [], error, ...statusSeen(parts, taskId, call.actor) }),
          ),
        ),
      ),
    async isRepeat(taskId, call) {
      if (!call.idempotency) return false;
      const { commandId } = identify(parts.secret, call);
      return parts.queue.run(taskId, async () => (await parts.streams.current(taskId)).commands.has(commandId));
    },
    keyedId: (call) => keyedId(parts.secret, call),
    read: (taskId, reader, options) => read(parts, taskId, reader, options),
    async history(taskId, reader, { from = 0, to = Number.MAX_SAFE_INTEGER, ...options } = {}) {
      const now = await read(parts, taskId, reader, options);
      return { ...now, events: await parts.streams.events(taskId, from, Math.min(to, now.revision)) };
    },
    events: (taskId, { from, to }) => parts.streams.pages(taskId, from, to),
  };
}

/** Behind the commands that are under way on the task, which fold the same aggregate. */
function read(parts: CommandParts, taskId: string, reader: Person, { deleted = false } = {}): Promise<TaskNow> {
  return parts.queue.run(taskId, async () => {
    const { task, revision, position } = await parts.streams.current(taskId);
    return { task: requireReadable(task, reader, deleted), revision, position };
  });
}

/** Of the task as the command has just read it. A deleted task is absent for commands. */
function statusSeen({ streams }: CommandParts, taskId: string, person: Person): { status?: Status } {
  const task = streams.known(taskId)?.task;
  return task && task.deletedAt === null && accessTo(task, person) !== null ? { status: task.status } : {};
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
