import type { TaskCommand } from '../../../src/commands/task/task-command.ts';
import type { RecordedTaskEvent } from '../../../src/events/recorded-event.ts';
import { evolve, type Task } from '../../../src/events/task/task.ts';
import { Rejection } from '../../../src/rejection.ts';
import { admin, at, owner, taskId } from '../../support/happenings.ts';

/** A task and the commands that are carried out on it one after another, each with what it appends: without a store. */
export interface Story {
  task(): Task;
  history(): readonly RecordedTaskEvent[];
  /** By the owner unless said otherwise. @returns what it appended. @throws Rejection */
  tell<I>(command: TaskCommand<I>, input: I, by?: string, more?: Partial<RecordedTaskEvent['metadata']>): RecordedTaskEvent[];
  /** What refuses it; undefined when nothing does, and then it is done. */
  refusal<I>(command: TaskCommand<I>, input: I, by?: string): Rejection | undefined;
}

export function aStory(): Story {
  let task: Task | null = null;
  const history: RecordedTaskEvent[] = [];
  let commands = 0;

  const tell: Story['tell'] = (command, input, by = owner, more = {}) => {
    const number = (++commands).toString().padStart(12, '0');
    const moment = at(commands);
    const context = { taskId, actor: { id: by, isAdmin: by === admin }, at: moment, history: [...history] };
    command.allow(task, input, context);
    const recorded = command.decide(task, input, context).map(({ undoOf, ...event }, index) => {
      const revision = history.length + index;
      const metadata = {
        event_id: `00000000-0000-5000-8000-${revision.toString().padStart(12, '0')}`,
        schema_version: 1,
        occurred_at: moment,
        actor: { id: by, kind: 'user' },
        operation_id: `00000000-0000-4000-8000-${number}`,
        request_id: `request-${commands}`,
        command_id: `00000000-0000-4000-9000-${number}`,
        hash: 'none',
        ...(undoOf && { undo_of: [...undoOf] }),
        ...more,
      };
      return { ...event, stream: `task-${taskId}`, revision, position: BigInt(revision), redacted: [], metadata } as RecordedTaskEvent;
    });
    for (const event of recorded) {
      history.push(event);
      task = evolve(task, { ...event, taskId, at: moment, by });
    }
    return recorded;
  };

  return {
    task: () => task!,
    history: () => history,
    tell,
    refusal(command, input, by) {
      try {
        tell(command, input, by);
        return undefined;
      } catch (error) {
        if (error instanceof Rejection) return error;
        throw error;
      }
    },
  };
}
