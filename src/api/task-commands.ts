import { z } from 'zod';
import type { Caller } from '../accounts/caller.ts';
import type { CommandOutcome } from '../commands/command-order.ts';
import type { Someone } from '../commands/task/assign-task.ts';
import type { TaskCommand } from '../commands/task/task-command.ts';
import type { Tasks } from '../commands/tasks.ts';
import { commandAnswer, commandCall, taskHeaders, unconditionalCall } from './command-request.ts';
import type { Freshness } from './freshness.ts';
import { tellingMismatch } from './revision-mismatch.ts';
import type { Answer, Handled, Route } from './route.ts';
import type { People } from './views/person-view.ts';
import { peopleOn, taskView } from './views/task-view.ts';

export interface TaskServices {
  tasks: Tasks;
  freshness: Freshness;
  /** The names of people; who is not in the map is unknown or erased. */
  people(ids: readonly string[]): Promise<People>;
  isActive(userId: string): Promise<boolean>;
}

export const TaskPath = z.strictObject({ task_id: z.string() });

/** What every command on one task answers, with where the task then stands. */
export const taskHeaderNames = ['ETag', 'Tasktrail-Revision', 'Tasktrail-Position', 'Idempotent-Replayed?'] as const;

/** What the declarations of all commands on one task have in common. */
export const commandOnTask = {
  params: TaskPath,
  obeys: ['If-Match', 'If-None-Match', 'Idempotency-Key', 'Prefer'],
  gives: taskHeaderNames,
  absent: 'TASK_NOT_FOUND',
} as const;
/** What every one of them may be refused for. */
export const refusalsOnTask = ['TASK_NOT_FOUND', 'FORBIDDEN', 'REVISION_MISMATCH', 'IDEMPOTENCY_KEY_REUSED', 'WRITE_CONTENTION'] as const;

/** A request on one task. */
export type OnTask<B = unknown> = Handled<{ task_id: string }, unknown, B, Caller>;
type Asking = Pick<OnTask, 'caller' | 'request'>;

/** How routes carry out commands on tasks, and answer them. */
export type TaskCommands = ReturnType<typeof taskCommands>;

export function taskCommands({ tasks, freshness, people, isActive }: TaskServices) {
  const settled = async (caller: Caller, command: Promise<CommandOutcome>): Promise<CommandOutcome> => {
    const outcome = await tellingMismatch(command, people);
    freshness.wrote(caller.id, outcome.task.id, outcome.position, outcome.events);
    return outcome;
  };

  return {
    settled,

    /** @param options `unconditional` for the one command that is carried out whatever the caller has seen */
    carryOut<I>(
      method: Route['method'],
      { params, body, caller, request }: OnTask,
      command: TaskCommand<I>,
      input: I,
      { unconditional = false } = {},
    ): Promise<CommandOutcome> {
      const call = (unconditional ? unconditionalCall : commandCall)(caller, request, method, body);
      return settled(caller, tasks.execute(params.task_id, command, input, call));
    },

    /** Answers the task, as every command on the task itself does but those that delete it. */
    async answerTask(status: 200 | 201, { caller, request }: Asking, outcome: CommandOutcome, more = {}): Promise<Answer> {
      const named = await people(peopleOn(outcome.task));
      const headers = { ...taskHeaders(outcome), ...more };
      return commandAnswer(request, status, headers, () => taskView(outcome.task, outcome.revision, caller, named));
    },

    /** Somebody whom a body names by id, as far as it names one. */
    async someone<Id extends string | null | undefined>(id: Id): Promise<Someone | Exclude<Id, string>> {
      return id ? { id, isActive: await isActive(id) } : (id as Exclude<Id, string>);
    },
  };
}

/** The answer of a command that leaves nothing to show. */
export function answerNothing(outcome: CommandOutcome): Answer {
  return { status: 204, headers: taskHeaders(outcome) };
}
