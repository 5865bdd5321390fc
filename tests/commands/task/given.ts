import { expect } from '@jest/globals';
import type { TaskCommand } from '../../../src/commands/task/task-command.ts';
import { evolve, type Task } from '../../../src/events/task/task.ts';
import { type TaskEvent, taskEvents } from '../../../src/events/task/task-events.ts';
import { Rejection, type RejectionCode } from '../../../src/rejection.ts';
import { admin, at, facts, type Happening, owner, recorded, taskId } from '../../support/happenings.ts';

/** given(what happened).when(command, input).by(somebody).then(what follows): the rules of the commands, in their own words. */
export function given(...happenings: Happening[]) {
  const task = facts(happenings).reduce(evolve, null as Task | null);
  return {
    when<I>(command: TaskCommand<I>, input: I) {
      return decision((actor) => {
        const context = {
          taskId,
          actor: { id: actor, isAdmin: actor === admin },
          at: at(happenings.length),
          history: recorded(happenings),
        };
        command.allow(task, input, context);
        return command.decide(task, input, context);
      });
    },
  };
}

function decision(decide: (actor: string) => TaskEvent[], actor = owner) {
  return {
    by: (somebody: string) => decision(decide, somebody),
    then(...expected: TaskEvent[]) {
      const events = decide(actor);
      expect(events).toEqual(expected);
      for (const event of events) taskEvents[event.type].data.parse(event.data);
    },
    thenNothing: () => expect(decide(actor)).toEqual([]),
    thenRejected(code: RejectionCode, details?: unknown) {
      const error = thrownBy(() => decide(actor));
      expect(error).toBeInstanceOf(Rejection);
      expect((error as Rejection).code).toBe(code);
      if (details !== undefined) expect((error as Rejection).details).toEqual([details]);
    },
  };
}

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return new Error('nothing was thrown');
}
