import { z } from 'zod';
import { assignTask } from '../../commands/task/assign-task.ts';
import { deleteTask, forceDeleteTask, restoreTask } from '../../commands/task/delete-task.ts';
import { editTask } from '../../commands/task/edit-task.ts';
import { addTags, removeTag } from '../../commands/task/tag-task.ts';
import type { TaskCommand } from '../../commands/task/task-command.ts';
import { transitionTask } from '../../commands/task/transition-task.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import type { RejectionCode } from '../../rejection.ts';
import type { TimeTravel } from '../as-of.ts';
import { taskHeaders, unconditionalCall } from '../command-request.ts';
import { matchesEtag } from '../etag.ts';
import { answerPast, asksForThePast, PastTaskQuery } from '../past-task.ts';
import { namingKey } from '../refused-key.ts';
import { type Answer, type Route, route } from '../route.ts';
import { isDotSegment } from '../tag.ts';
import {
  answerNothing,
  commandOnTask,
  type OnTask,
  refusalsOnTask,
  TaskPath,
  type TaskServices,
  taskCommands,
  taskHeaderNames,
} from '../task-commands.ts';
import { TaskWithParts, withParts } from '../task-parts.ts';
import type { TaskReadsFor } from '../task-reads.ts';
import { peopleOn, TaskView, taskView } from '../views/task-view.ts';
import { AssignBody, TagsBody, TaskBody, TaskPatch, TransitionBody, toCreateTask, toEditTask, toReplacement } from './task-bodies.ts';

/** A tag that an older release took may be removed as it is, but for those that no address can name: PUT and PATCH remove them. */
const TagPath = z.strictObject({
  task_id: z.string(),
  tag: z
    .string()
    .trim()
    .toLowerCase()
    .refine((tag) => !isDotSegment(tag), {
      error: 'must not be . or ..: replace the tags of the task instead',
      params: { code: 'format' },
    }),
});

/** The commands on one task, and the read of one. */
export function taskRoutes(
  services: TaskServices & { tasksFor: TaskReadsFor; timeTravel: TimeTravel; queriesFor: QueriesFor<'listComments' | 'listFiles'> },
): Route[] {
  const { tasks } = services;
  const { settled, carryOut, answerTask, someone } = taskCommands(services);

  const execute = async <I>(method: Route['method'], input: OnTask, command: TaskCommand<I>, asked: I): Promise<Answer> =>
    answerTask(200, input, await carryOut(method, input, command, asked));

  const common = <const C extends readonly RejectionCode[]>(needs: 'edit' | 'owner', ...rejects: C) =>
    ({
      ...commandOnTask,
      tag: 'Tasks',
      needs: { scope: 'tasks:write', task: needs },
      answers: { 200: TaskView },
      rejects: [...refusalsOnTask, ...rejects],
    }) as const;

  return [
    route({
      method: 'post',
      path: '/tasks',
      tag: 'Tasks',
      summary: 'Create a task',
      needs: { scope: 'tasks:write' },
      body: TaskBody,
      obeys: ['Idempotency-Key', 'Prefer'],
      refuses: 'If-Match',
      gives: [...taskHeaderNames, 'Location'],
      answers: { 201: TaskView },
      rejects: ['USER_NOT_FOUND', 'IDEMPOTENCY_KEY_REUSED'],
      async handle(input) {
        const call = unconditionalCall(input.caller, input.request, 'post', input.body);
        const assignee = (await someone(input.body.assignee_id)) ?? null;
        const outcome = await settled(input.caller, tasks.create(toCreateTask(input.body, assignee), call));
        return answerTask(201, input, outcome, { Location: `/api/v1/tasks/${outcome.task.id}` });
      },
    }),
    route({
      method: 'get',
      path: '/tasks/:task_id',
      tag: 'Tasks',
      summary: 'Read a task',
      needs: { scope: 'tasks:read', task: 'view' },
      params: TaskPath,
      query: PastTaskQuery,
      obeys: ['If-None-Match', 'Tasktrail-Position'],
      gives: {
        // A task of the past has no tag.
        200: ['ETag?', 'Tasktrail-Revision?', 'Tasktrail-Position?', 'Tasktrail-As-Of-Position?', 'Tasktrail-Stale?'],
        304: ['ETag', 'Tasktrail-Revision', 'Tasktrail-Position'],
      },
      answers: { 200: TaskWithParts, 304: null },
      rejects: ['TASK_NOT_FOUND', 'REVISION_NOT_FOUND'],
      absent: 'TASK_NOT_FOUND',
      async handle({ params, query, caller, request }) {
        if (asksForThePast(query)) return answerPast(services, { taskId: params.task_id, query, caller, request });
        const { task, revision, position } = await tasks.read(params.task_id, caller);
        const headers = taskHeaders({ revision, position, replayed: false });
        if (matchesEtag(request.header('if-none-match'), headers.ETag!)) return { status: 304, headers };
        const view = taskView(task, revision, caller, await services.people(peopleOn(task)));
        if (query.include === undefined) return { status: 200, headers, body: view };
        const whole = await withParts(services, { view, task, include: query.include, caller, request });
        return { status: 200, headers: { ...headers, ...whole.headers }, body: whole.body };
      },
    }),
    route({
      ...common('edit', 'INVALID_TRANSITION', 'USER_NOT_FOUND', 'ASSIGNEE_HAS_NO_ACCESS'),
      method: 'put',
      path: '/tasks/:task_id',
      summary: 'Replace what a task is',
      description: "What is left out gets a new task's default, except `status` and `assignee_id`, which stay.",
      body: TaskBody,
      handle: async (input) => {
        const edit = toReplacement(input.body, await someone(input.body.assignee_id));
        return namingKey(execute('put', input, editTask, edit), 'INVALID_TRANSITION', statusKeyOf(input.body));
      },
    }),
    route({
      ...common('edit', 'INVALID_TRANSITION', 'USER_NOT_FOUND', 'ASSIGNEE_HAS_NO_ACCESS'),
      method: 'patch',
      path: '/tasks/:task_id',
      summary: 'Change some of what a task is',
      description: 'What is left out stays. `null` clears `due_date` and `assignee_id`. All of it happens, or none.',
      body: TaskPatch,
      handle: async (input) => {
        const edit = toEditTask(input.body, await someone(input.body.assignee_id));
        return namingKey(execute('patch', input, editTask, edit), 'INVALID_TRANSITION', statusKeyOf(input.body));
      },
    }),
    route({
      ...common('owner'),
      method: 'delete',
      path: '/tasks/:task_id',
      summary: 'Delete a task',
      description: 'It is then absent for everybody, until its owner or an admin restores it. Its history stays.',
      obeys: ['If-Match', 'If-None-Match', 'Idempotency-Key'],
      answers: { 204: null },
      handle: async (input) => answerNothing(await carryOut('delete', input, deleteTask, { reason: 'command' })),
    }),
    route({
      ...common('owner'),
      method: 'delete',
      path: '/tasks/:task_id/force',
      summary: 'Delete a task, also as its assignee',
      description:
        'Also for an assignee whose assignment gives access. `If-Match` and `If-None-Match` are ignored. Recorded as forced; the owner is told.',
      obeys: ['Idempotency-Key'],
      answers: { 204: null },
      handle: async (input) => answerNothing(await carryOut('delete', input, forceDeleteTask, {}, { unconditional: true })),
    }),
    route({
      ...common('owner'),
      method: 'post',
      path: '/tasks/:task_id/restore',
      summary: 'Restore a deleted task',
      handle: (input) => execute('post', input, restoreTask, {}),
    }),
    route({
      ...common('edit', 'USER_NOT_FOUND', 'ASSIGNEE_HAS_NO_ACCESS'),
      method: 'post',
      path: '/tasks/:task_id/assign',
      summary: 'Assign a task, or end its assignment',
      description:
        'An assignment by an owner or admin gives access: the assignee may edit the task as long as the assignment stands. Any other assignment gives none, and is only possible for users who may edit the task as its owner or by a share. Assigning the present assignee makes the assignment give access if an owner or admin does it. An assignee may give up their own assignment.',
      body: AssignBody,
      handle: async (input) => execute('post', input, assignTask, { assignee: (await someone(input.body.assignee_id)) ?? null }),
    }),
    route({
      ...common('edit', 'INVALID_TRANSITION'),
      method: 'post',
      path: '/tasks/:task_id/transition',
      summary: 'Move a task along the workflow',
      body: TransitionBody,
      handle: (input) => {
        const { target_status: targetStatus, comment } = input.body;
        const asked = { targetStatus, ...(comment !== undefined && { comment }) };
        return namingKey(execute('post', input, transitionTask, asked), 'INVALID_TRANSITION', 'target_status');
      },
    }),
    route({
      ...common('edit'),
      method: 'post',
      path: '/tasks/:task_id/tags',
      summary: 'Add tags to a task',
      body: TagsBody,
      handle: (input) => {
        const { body } = input;
        if (!Array.isArray(body)) return execute('post', input, addTags, body);
        return namingKey(execute('post', input, addTags, { tags: body }), 'VALIDATION_FAILED', '');
      },
    }),
    route({
      ...common('edit', 'TAG_NOT_FOUND'),
      method: 'delete',
      path: '/tasks/:task_id/tags/:tag',
      summary: 'Remove a tag from a task',
      params: TagPath,
      handle: (input) => execute('delete', input, removeTag, { tag: input.params.tag }),
    }),
  ];
}

/** The key by which a body asks for a status. */
function statusKeyOf({ completed }: { completed?: boolean | undefined }): string {
  return completed === undefined ? 'status' : 'completed';
}
