import { z } from 'zod';
import type { BulkResult, BulkTrial } from '../../commands/tasks.ts';
import { Id, Status } from '../../events/values.ts';
import { errorAnswer } from '../error-answer.ts';
import type { ErrorView } from './error-view.ts';

export const BulkResultView = z.strictObject({
  task_id: Id,
  success: z.boolean(),
  previous_status: Status.optional(),
  new_status: Status.optional(),
  revision: z.int().optional(),
  error: z.string().optional(),
  code: z.string().optional(),
});
export type BulkResultView = z.output<typeof BulkResultView>;

export const BulkView = z
  .strictObject({ total: z.int(), successful: z.int(), failed: z.int(), results: z.array(BulkResultView) })
  .meta({ id: 'BulkResult', description: 'What became of each task, in the order asked.' });

export function bulkView(results: readonly BulkResult[], withStatus: boolean): z.output<typeof BulkView> {
  const views = results.map((result) => bulkResultView(result, withStatus));
  const successful = views.filter(({ success }) => success).length;
  return { total: views.length, successful, failed: views.length - successful, results: views };
}

/** What would become of a task of a call that is refused as a whole, or has become of a task that was refused alone. */
export function trialView({ taskId, error, status }: Omit<BulkTrial, 'events'>, withStatus: boolean): BulkResultView {
  const before = withStatus && status !== undefined ? { previous_status: status } : {};
  if (error === undefined) return { task_id: taskId, success: true, ...before };
  const { code, message } = (errorAnswer(error, '').body as ErrorView).error;
  return { task_id: taskId, success: false, ...before, error: message, code };
}

function bulkResultView(result: BulkResult, withStatus: boolean): BulkResultView {
  if ('error' in result) return trialView(result, withStatus);
  const { taskId, outcome } = result;
  if (!withStatus) return { task_id: taskId, success: true, revision: outcome.revision };
  const moved = outcome.events.find((event) => event.type === 'TaskTransitioned');
  const new_status = outcome.task.status;
  return { task_id: taskId, success: true, previous_status: moved?.data.status.from ?? new_status, new_status, revision: outcome.revision };
}
