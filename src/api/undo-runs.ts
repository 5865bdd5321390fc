import type { CommandCall } from '../commands/command-call.ts';
import type { CommandOutcome } from '../commands/command-order.ts';
import { type Run, undoRun } from '../commands/task/undo-task.ts';
import type { TouchedTask } from '../queries/activity/find-run.ts';
import type { TaskServices } from './task-commands.ts';
import { conflictsOf, type KeptUndo, keptUndo, type Undone, type UndoResultView, undoResultView } from './views/undo-view.ts';

/** What was done to some tasks of a run. */
export interface TakenBack {
  results: UndoResultView[];
  /** The same without text. */
  kept: KeptUndo[];
  outcomes: readonly CommandOutcome[];
  /** What was thrown, where something was. */
  errors: readonly unknown[];
}

export type UndoRuns = ReturnType<typeof undoRuns>;

/** Takes runs back, task by task. The tasks are those that the read model knows; what becomes of each is decided on its stream. */
export function undoRuns({ tasks, freshness, people, isActive }: TaskServices) {
  const inputFor = async (touched: readonly TouchedTask[], run: Run) => {
    const ids = [...new Set(touched.flatMap((task) => task.people))];
    const active = await Promise.all(ids.map(isActive));
    return { run, active: new Set(ids.filter((_, index) => active[index])) };
  };

  const views = async (all: readonly Undone[]) => {
    const named = await people([...new Set(conflictsOf(all).map(({ metadata }) => metadata.actor.id))]);
    return all.map((undone) => undoResultView(undone, named));
  };

  return {
    /** What `takeBack` would do, without doing it. */
    async preview(touched: readonly TouchedTask[], run: Run, { idempotency: _, ...call }: CommandCall): Promise<UndoResultView[]> {
      const input = await inputFor(touched, run);
      const trials = await tasks.tryAll(idsOf(touched), undoRun, input, call);
      return views(trials.map(({ events, error }, index) => ({ touched: touched[index]!, events, error })));
    },

    async takeBack(touched: readonly TouchedTask[], run: Run, call: CommandCall): Promise<TakenBack> {
      const input = await inputFor(touched, run);
      const done = await tasks.executeAll(idsOf(touched), undoRun, input, call);
      const outcomes = done.flatMap((result) => ('outcome' in result ? result.outcome : []));
      for (const { task, position, events } of outcomes) freshness.wrote(call.actor.id, task.id, position, events);
      const undone = done.map((result, index) => ({
        touched: touched[index]!,
        ...('outcome' in result ? { events: result.outcome.events } : { events: [], error: result.error }),
      }));
      const results = await views(undone);
      const revisionOf = (index: number) => {
        const result = done[index]!;
        return 'outcome' in result ? result.outcome.revision : undefined;
      };
      const kept = undone.map((one, index) => keptUndo(one, results[index]!, revisionOf(index)));
      return { results, kept, outcomes, errors: undone.flatMap((one) => ('error' in one ? one.error : [])) };
    },
  };
}

function idsOf(touched: readonly TouchedTask[]): string[] {
  return touched.map(({ taskId }) => taskId);
}
