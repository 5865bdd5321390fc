import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import type { CommandOutcome } from '../../commands/handle-command.ts';
import { assignTask, type Someone } from '../../commands/task/assign-task.ts';
import { deleteTask, forceDeleteTask, restoreTask } from '../../commands/task/delete-task.ts';
import { editTask } from '../../commands/task/edit-task.ts';
import { addTags, removeTag } from '../../commands/task/tag-task.ts';
import type { TaskCommand } from '../../commands/task/task-command.ts';
import { transitionTask } from '../../commands/task/transition-task.ts';
import type { Tasks } from '../../commands/tasks.ts';
import type { RejectionCode } from '../../rejection.ts';
import { commandAnswer, commandCall, taskHeaders } from '../command-request.ts';
import { matchesEtag } from '../etag.ts';
import type { Freshness } from '../freshness.ts';
import { tellingMismatch } from '../revision-mismatch.ts';
import { type Answer, type Handled, type Route, route } from '../route.ts';
import { type People, peopleOn, TaskView, taskView } from '../views/task-view.ts';
import { AssignBody, TagsBody, TaskBody, TaskPatch, TransitionBody, toCreateTask, toEditTask, toReplacement } from './task-bodies.ts';

export interface TaskServices {
  tasks: Tasks;
  freshness: Freshness;
  /** The names of people; who is not in the map is unknown or erased. */
  people(ids: readonly string[]): Promise<People>;
  isActive(userId: string): Promise<boolean>;
}

const TaskPath = z.strictObject({ task_id: z.string() });
const TagPath = z.strictObject({ task_id: z.string(), tag: z.string() });
const conventions = ['If-Match', 'Idempotency-Key', 'Prefer'] as const;
const always = ['TASK_NOT_FOUND', 'FORBIDDEN', 'REVISION_MISMATCH', 'IDEMPOTENCY_KEY_REUSED', 'WRITE_CONTENTION'] as const;

/** The commands on one task, and the read of one. */
export function taskRoutes(services: TaskServices): Route[] {
  const { tasks, freshness } = services;
  type OnTask = Handled<{ task_id: string }, unknown, unknown, Caller>;

  const someone = async (id: string | null | undefined): Promise<Someone | null | undefined> =>
    id ? { id, isActive: await services.isActive(id) } : (id as null | undefined);

  const written = async (
    status: 200 | 201,
    { caller, request }: Pick<OnTask, 'caller' | 'request'>,
    outcome: CommandOutcome,
    more = {},
  ) => {
    freshness.wrote(caller.id, outcome.task.id, outcome.position, outcome.events);
    const people = await services.people(peopleOn(outcome.task));
    const headers = { ...taskHeaders(outcome), ...more };
    return commandAnswer(request, status, headers, () => taskView(outcome.task, outcome.revision, caller, people));
  };

  /** Carries a command out and answers the task, as every command on a task does but those that delete it. */
  const execute = async <I>(method: Route['method'], input: OnTask, command: TaskCommand<I>, asked: I): Promise<Answer> => {
    const call = commandCall(input.caller, input.request, method, input.body);
    const outcome = await tellingMismatch(tasks.execute(input.params.task_id, command, asked, call), services.people);
    return written(200, input, outcome);
  };

  const remove = async <I>(input: OnTask, command: TaskCommand<I>, asked: I, ignoreIfMatch = false): Promise<Answer> => {
    const { ifMatch, ...rest } = commandCall(input.caller, input.request, 'delete', undefined);
    const call = ifMatch === undefined || ignoreIfMatch ? rest : { ...rest, ifMatch };
    const outcome = await tellingMismatch(tasks.execute(input.params.task_id, command, asked, call), services.people);
    freshness.wrote(input.caller.id, outcome.task.id, outcome.position, outcome.events);
    return { status: 204, headers: taskHeaders(outcome) };
  };

  const common = <const C extends readonly RejectionCode[]>(needs: 'edit' | 'owner', ...rejects: C) =>
    ({
      tag: 'Tasks',
      needs: { scope: 'tasks:write', task: needs },
      params: TaskPath,
      obeys: conventions,
      answers: { 200: TaskView },
      rejects: [...always, ...rejects],
      absent: 'TASK_NOT_FOUND',
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
      answers: { 201: TaskView },
      rejects: ['USER_NOT_FOUND', 'IDEMPOTENCY_KEY_REUSED'],
      async handle(input) {
        const { ifMatch: _, ...call } = commandCall(input.caller, input.request, 'post', input.body);
        const assignee = (await someone(input.body.assignee_id)) ?? null;
        const outcome = await tasks.create(toCreateTask(input.body, assignee), call);
        return written(201, input, outcome, { Location: `/api/v1/tasks/${outcome.task.id}` });
      },
    }),
    route({
      method: 'get',
      path: '/tasks/:task_id',
      tag: 'Tasks',
      summary: 'Read a task',
      needs: { scope: 'tasks:read', task: 'view' },
      params: TaskPath,
      query: z.strictObject({}),
      obeys: ['If-None-Match'],
      answers: { 200: TaskView, 304: null },
      rejects: ['TASK_NOT_FOUND'],
      absent: 'TASK_NOT_FOUND',
      async handle({ params, caller, request }) {
        const { task, revision, position } = await tasks.read(params.task_id, caller);
        const headers = taskHeaders({ revision, position, replayed: false });
        if (matchesEtag(request.header('if-none-match'), headers.ETag!)) return { status: 304, headers };
        return { status: 200, headers, body: taskView(task, revision, caller, await services.people(peopleOn(task))) };
      },
    }),
    route({
      ...common('edit', 'INVALID_TRANSITION', 'USER_NOT_FOUND', 'ASSIGNEE_HAS_NO_ACCESS'),
      method: 'put',
      path: '/tasks/:task_id',
      summary: 'Replace what a task is',
      description: "What is left out gets a new task's default, except `status` and `assignee_id`, which stay.",
      body: TaskBody,
      handle: async (input) => execute('put', input, editTask, toReplacement(input.body, await someone(input.body.assignee_id))),
    }),
    route({
      ...common('edit', 'INVALID_TRANSITION', 'USER_NOT_FOUND', 'ASSIGNEE_HAS_NO_ACCESS'),
      method: 'patch',
      path: '/tasks/:task_id',
      summary: 'Change some of what a task is',
      description: 'What is left out stays. `null` clears `due_date` and `assignee_id`. All of it happens, or none.',
      body: TaskPatch,
      handle: async (input) => execute('patch', input, editTask, toEditTask(input.body, await someone(input.body.assignee_id))),
    }),
    route({
      ...common('owner'),
      method: 'delete',
      path: '/tasks/:task_id',
      summary: 'Delete a task',
      description: 'It is then absent for everybody, until its owner or an admin restores it. Its history stays.',
      obeys: ['If-Match', 'Idempotency-Key'],
      answers: { 204: null },
      handle: (input) => remove(input, deleteTask, { reason: 'command' }),
    }),
    route({
      ...common('owner'),
      method: 'delete',
      path: '/tasks/:task_id/force',
      summary: 'Delete a task, as its assignee too',
      description: '`If-Match` is ignored. Recorded as forced; the owner is told.',
      obeys: ['Idempotency-Key'],
      answers: { 204: null },
      handle: (input) => remove(input, forceDeleteTask, {}, true),
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
      summary: 'Assign a task, or take it from its assignee',
      description: 'An assignee may edit while assigned. Only the owner may assign somebody who has no access yet.',
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
        return execute('post', input, transitionTask, { targetStatus, ...(comment !== undefined && { comment }) });
      },
    }),
    route({
      ...common('edit'),
      method: 'post',
      path: '/tasks/:task_id/tags',
      summary: 'Add tags to a task',
      body: TagsBody,
      handle: (input) => execute('post', input, addTags, { tags: Array.isArray(input.body) ? input.body : input.body.tags }),
    }),
    route({
      ...common('edit', 'TAG_NOT_FOUND'),
      method: 'delete',
      path: '/tasks/:task_id/tags/:tag',
      summary: 'Remove a tag from a task',
      params: TagPath,
      handle: (input) => execute('delete', input, removeTag, { tag: input.params.tag.trim().toLowerCase() }),
    }),
  ];
}
