import type { Caller } from '../../accounts/caller.ts';
import { deleteTask } from '../../commands/task/delete-task.ts';
import { editTask } from '../../commands/task/edit-task.ts';
import type { TaskCommand } from '../../commands/task/task-command.ts';
import { transitionTask } from '../../commands/task/transition-task.ts';
import { Rejection } from '../../rejection.ts';
import { bulkAnswer, bulkHeaders, unconditionalCall } from '../command-request.ts';
import { type Answer, type Handled, type Route, route } from '../route.ts';
import type { TaskServices } from '../task-commands.ts';
import { BulkView, bulkView, trialView } from '../views/bulk-view.ts';
import { BulkDeleteBody, BulkStatusBody, BulkUpdateBody, toEditTask } from './task-bodies.ts';

const shared = {
  tag: 'Tasks',
  needs: { scope: 'tasks:write' },
  description:
    'Each task on its own, in the order asked. With `atomic: true` nothing is written unless every task accepts: otherwise 409 with the results as details. The key of a call covers each task on its own, so that a call that was cut off is completed by its repetition.',
  obeys: ['Idempotency-Key', 'Prefer'],
  refuses: 'If-Match',
  gives: ['Tasktrail-Position?', 'Idempotent-Replayed?'],
  answers: { 200: BulkView },
  rejects: ['BULK_REFUSED'],
} as const;

/** One command on many tasks. */
export function bulkRoutes({ tasks, freshness, isActive }: TaskServices): Route[] {
  type Bulk = { task_ids: string[]; atomic?: boolean | undefined };

  const executeAll = async <I>(
    method: Route['method'],
    { body, caller, request }: Handled<unknown, unknown, Bulk, Caller>,
    command: TaskCommand<I>,
    input: I,
    withStatus = false,
  ): Promise<Answer> => {
    const call = unconditionalCall(caller, request, method, body);
    if (body.atomic) {
      const tried = await tasks.tryAll(body.task_ids, command, input, call);
      const refused = tried.filter(({ error }) => error !== undefined).length;
      if (refused > 0)
        throw new Rejection(
          'BULK_REFUSED',
          `${refused} of ${tried.length} tasks refuse it`,
          tried.map((trial) => trialView(trial, withStatus)),
        );
    }
    const results = await tasks.executeAll(body.task_ids, command, input, call);
    const outcomes = results.flatMap((result) => ('outcome' in result ? result.outcome : []));
    for (const { task, position, events } of outcomes) freshness.wrote(caller.id, task.id, position, events);
    const headers = bulkHeaders(outcomes);
    return bulkAnswer(request, headers, bulkView(results, withStatus), outcomes.length === results.length);
  };

  return [
    route({
      ...shared,
      method: 'post',
      path: '/tasks/bulk-status',
      summary: 'Move many tasks along the workflow',
      body: BulkStatusBody,
      handle: (input) => executeAll('post', input, transitionTask, { targetStatus: input.body.target_status }, true),
    }),
    route({
      ...shared,
      method: 'patch',
      path: '/tasks/bulk',
      summary: 'Change some of what many tasks are',
      body: BulkUpdateBody,
      async handle(input) {
        const { updates } = input.body;
        const assignee = updates.assignee_id
          ? { id: updates.assignee_id, isActive: await isActive(updates.assignee_id) }
          : (updates.assignee_id as null | undefined);
        return executeAll('patch', input, editTask, toEditTask(updates, assignee));
      },
    }),
    route({
      ...shared,
      method: 'post',
      path: '/tasks/bulk-delete',
      summary: 'Delete many tasks',
      body: BulkDeleteBody,
      handle: (input) => executeAll('post', input, deleteTask, { reason: 'bulk' }),
    }),
  ];
}
