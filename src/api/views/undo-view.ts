import { z } from 'zod';
import { UndoConflict } from '../../commands/task/undo-task.ts';
import { publicTypes } from '../../events/public-type.ts';
import type { RecordedTaskEvent } from '../../events/recorded-event.ts';
import { fieldChanges } from '../../events/task/changes.ts';
import type { TaskEvent } from '../../events/task/task-events.ts';
import { Id } from '../../events/values.ts';
import type { TouchedTask } from '../../queries/activity/find-run.ts';
import { errorAnswer } from '../error-answer.ts';
import { EventInTheWay, eventInTheWay } from '../revision-mismatch.ts';
import { FieldChangeView } from './field-change-view.ts';
import type { People } from './person-view.ts';

const UndoResultView = z.strictObject({
  task_id: Id,
  success: z.boolean(),
  changes: z.array(FieldChangeView).describe('What the undo makes of the task.'),
  code: z.string().optional().describe('Why nothing is taken back.'),
  conflict: z.array(EventInTheWay).optional().describe('What has changed the same since.'),
  left: z
    .array(z.strictObject({ revision: z.int(), type: z.string() }))
    .optional()
    .describe('What the run did there that stands: creation, transfers, comments and files.'),
});
export type UndoResultView = z.output<typeof UndoResultView>;

export const UndoRunView = z
  .strictObject({ total: z.int(), undone: z.int(), skipped: z.int(), results: z.array(UndoResultView) })
  .meta({ id: 'UndoneRun', description: 'What became of each task of the run, in the order in which the run touched them.' });

/** What became of one task of a run, or would. */
export interface Undone {
  touched: TouchedTask;
  events: readonly TaskEvent[];
  error?: unknown;
}

export function undoRunView(results: readonly UndoResultView[]): z.output<typeof UndoRunView> {
  return { ...countsOf(results), results: [...results] };
}

export function countsOf(results: readonly Pick<UndoResultView, 'success'>[]): { total: number; undone: number; skipped: number } {
  const undone = results.filter(({ success }) => success).length;
  return { total: results.length, undone, skipped: results.length - undone };
}

/** What a job keeps of a task of its run: ids and revisions. What they say is read from the task's stream, for whoever may see it then. */
export const KeptUndo = UndoResultView.pick({ task_id: true, success: true, code: true, left: true }).extend({
  /** Revisions: the first and the last that the undo made. */
  made: z.tuple([z.int(), z.int()]).optional(),
  /** Revisions of what was in the way. */
  conflict: z.array(z.int()).optional(),
});
export type KeptUndo = z.output<typeof KeptUndo>;

export function keptUndo(undone: Undone, result: UndoResultView, revision: number | undefined): KeptUndo {
  const { task_id, success, code, left } = result;
  const { events, error } = undone;
  return {
    task_id,
    success,
    ...(code !== undefined && { code }),
    ...(left !== undefined && { left }),
    ...(revision !== undefined && events.length > 0 && { made: [revision - events.length + 1, revision] as [number, number] }),
    ...(error instanceof UndoConflict && { conflict: error.events.map((event) => event.revision) }),
  };
}

/** All events that were in the way. */
export function conflictsOf(all: readonly Undone[]): RecordedTaskEvent[] {
  return all.flatMap(({ error }) => (error instanceof UndoConflict ? error.events : []));
}

export function undoResultView({ touched, events, error }: Undone, people: People): UndoResultView {
  const left = touched.standing.map(({ revision, type }) => ({ revision, type: publicTypes[type] }));
  return {
    task_id: touched.taskId,
    success: error === undefined,
    changes: events.flatMap((event) => fieldChanges(event)),
    ...(error !== undefined && { code: errorAnswer(error, '').body.error.code }),
    ...(error instanceof UndoConflict && { conflict: error.events.map((event) => eventInTheWay(event, people, error.reader)) }),
    ...(left.length > 0 && { left }),
  };
}
