import { z } from 'zod';
import { verifyTask } from '../../commands/verify-task.ts';
import { Id } from '../../events/values.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { type Route, route } from '../route.ts';
import type { TaskReadsFor } from '../task-reads.ts';

const VerificationView = z.object({
  valid: z.boolean(),
  events: z.int().meta({ description: 'How many were read.' }),
  first_bad_revision: z
    .int()
    .nullable()
    .meta({ description: 'Of the first event that is missing, or was changed, inserted or put elsewhere.' }),
  head_hash: z.string().meta({ description: 'Of the last event, computed anew: SHA-256 in base64url.' }),
});

export interface VerificationServices {
  tasksFor: TaskReadsFor;
  queriesFor: QueriesFor<'knownTask'>;
}

/** Whether the history of a task is the one that was written. */
export function verificationRoutes({ tasksFor, queriesFor }: VerificationServices): Route[] {
  return [
    route({
      method: 'get',
      path: '/activity/tasks/:task_id/verify',
      summary: 'Compute the hash chain of a task anew',
      description: 'From the stored bytes, and against the revision that the read models have. Of a deleted task for its owner and admins.',
      tag: 'Activity',
      needs: { scope: 'tasks:read', task: 'view' },
      params: z.strictObject({ task_id: Id }),
      answers: { 200: VerificationView },
      rejects: ['TASK_NOT_FOUND'],
      absent: 'TASK_NOT_FOUND',
      async handle({ params: { task_id: taskId }, caller, request }) {
        const parts = { ...tasksFor(request), ...queriesFor(request) };
        const { valid, events, firstBadRevision, headHash } = await verifyTask(parts, taskId, caller);
        return { status: 200, body: { valid, events, first_bad_revision: firstBadRevision, head_hash: headHash } };
      },
    }),
  ];
}
