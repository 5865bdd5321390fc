import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import type { Queries } from '../../queries/queries.ts';
import type { TaskScope } from '../../queries/tasks/task-scope.ts';
import type { Freshness } from '../freshness.ts';
import { exportAnswer, exportContentTypes, isExport } from '../list-export.ts';
import { type Answer, type Handled, type Route, route } from '../route.ts';
import { PageQuery, pageAnswer, pageOf, pageRequest } from '../views/listing-view.ts';
import { TagView, TaskStatsView } from '../views/stats-view.ts';
import { taskCsv } from '../views/task-csv.ts';
import { TaskView } from '../views/task-view.ts';
import { today } from '../views/today.ts';
import { ScopedTaskListQuery, scopeParameter, TaskListQuery, taskList } from './task-list-query.ts';

export interface ListingServices {
  queries: Pick<Queries, 'listTasks' | 'exportTasks' | 'taskStats' | 'listTags'>;
  freshness: Pick<Freshness, 'wait'>;
}

const listed = {
  method: 'get',
  tag: 'Tasks',
  obeys: ['Tasktrail-Position'],
  answers: { 200: { json: pageOf(TaskView), contentTypes: exportContentTypes } },
} as const;

/** Lists, counts and tags of tasks. */
export function taskListingRoutes({ queries, freshness }: ListingServices): Route[] {
  type Asked<Q> = Pick<Handled<unknown, Q, unknown, Caller>, 'query' | 'caller' | 'request'>;

  const fresh = async ({ caller, request }: Asked<unknown>, scope: TaskScope) =>
    (await freshness.wait({ caller, request, models: ['listing'], ofEverybody: scope === 'everyone' })).headers;

  const list = async (asked: Asked<TaskListQuery>, scope: TaskScope): Promise<Answer> => {
    const { query, caller, request } = asked;
    const tasks = taskList(query, scope, caller);
    const headers = await fresh(asked, scope);
    if (isExport(query.format)) {
      const batches = queries.exportTasks(tasks, request.signal);
      return exportAnswer({ name: 'tasks', format: query.format, batches, columns: taskCsv }, headers);
    }
    const part = pageRequest(query);
    return pageAnswer(await queries.listTasks(tasks, part), part, request, headers);
  };

  return [
    route({
      ...listed,
      path: '/tasks',
      summary: 'List tasks',
      needs: { scope: 'tasks:read' },
      query: ScopedTaskListQuery,
      rejects: ['ADMIN_ONLY', 'INVALID_CURSOR'],
      handle: (asked) => list(asked, asked.query.scope),
    }),
    route({
      ...listed,
      path: '/tasks/admin/all',
      summary: "List everybody's tasks",
      needs: { scope: 'tasks:read', admin: true },
      query: TaskListQuery,
      rejects: ['ADMIN_ONLY', 'INVALID_CURSOR'],
      handle: (asked) => list(asked, 'everyone'),
    }),
    route({
      ...listed,
      path: '/tasks/shared-with-me',
      summary: 'List the tasks that others share with the caller',
      needs: { scope: 'tasks:read' },
      query: TaskListQuery,
      rejects: ['INVALID_CURSOR'],
      handle: (asked) => list(asked, 'shared'),
    }),
    route({
      ...listed,
      path: '/tasks/stats',
      summary: 'Count tasks',
      needs: { scope: 'tasks:read' },
      query: z.strictObject({ scope: scopeParameter('owned') }),
      answers: { 200: TaskStatsView },
      rejects: ['ADMIN_ONLY'],
      async handle(asked) {
        const { caller, query } = asked;
        const headers = await fresh(asked, query.scope);
        const days = { today: today(caller.timezone), utcToday: today('UTC') };
        return { status: 200, headers, body: await queries.taskStats({ reader: caller, scope: query.scope, ...days }) };
      },
    }),
    route({
      ...listed,
      path: '/tags',
      summary: 'List the tags in use, the most used first',
      needs: { scope: 'tasks:read' },
      query: PageQuery,
      answers: { 200: pageOf(TagView) },
      rejects: ['INVALID_CURSOR'],
      async handle(asked) {
        const headers = await fresh(asked, 'all');
        const part = pageRequest(asked.query);
        return pageAnswer(await queries.listTags(asked.caller, part), part, asked.request, headers);
      },
    }),
  ];
}
