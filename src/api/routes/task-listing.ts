import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import { formatPosition } from '../../events/store/event-store.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import type { TaskScope } from '../../queries/tasks/task-scope.ts';
import { type AsOfQuery, asOfParameters, asOfRule, type TimeTravel } from '../as-of.ts';
import { startOfLastSevenDays, today } from '../days.ts';
import { exportAnswer, exportContentTypes, exportFormatOf } from '../list-export.ts';
import { type Answer, type Handled, type Route, route } from '../route.ts';
import { atMostOneOf, pageAnswer, pageOf, pageParameters, pageRequest, pageRules } from '../views/listing-view.ts';
import { TagView, TaskStatsView } from '../views/stats-view.ts';
import { taskCsv } from '../views/task-csv.ts';
import { TaskView } from '../views/task-view.ts';
import { ScopedTaskListQuery, scopeParameter, TaskListQuery, taskList } from './task-list-query.ts';

export interface ListingServices {
  queriesFor: QueriesFor<'listTasks' | 'exportTasks' | 'taskStats' | 'listTags'>;
  timeTravel: TimeTravel;
}

const listed = {
  method: 'get',
  tag: 'Tasks',
  obeys: ['Tasktrail-Position'],
  gives: ['Tasktrail-As-Of-Position?', 'Tasktrail-Stale?'],
  answers: { 200: { json: pageOf(TaskView), contentTypes: exportContentTypes } },
} as const;

/** Lists, counts and tags of tasks. */
export function taskListingRoutes({ queriesFor, timeTravel }: ListingServices): Route[] {
  type Asked<Q> = Pick<Handled<unknown, Q, unknown, Caller>, 'query' | 'caller' | 'request'>;

  const fresh = ({ query, caller, request }: Asked<AsOfQuery>, scope: TaskScope) =>
    timeTravel.resolve(query, { caller, request, models: ['listing'], ofEverybody: scope === 'everyone' });

  const list = async (asked: Asked<TaskListQuery>, scope: TaskScope): Promise<Answer> => {
    const { query, caller, request } = asked;
    const format = exportFormatOf(query, request);
    const { past, headers } = await fresh(asked, scope);
    const tasks = taskList(query, scope, caller, past);
    if (format) {
      const batches = queriesFor(request).exportTasks(tasks, request.signal);
      return exportAnswer({ name: 'tasks', format, bom: query.bom, batches, columns: taskCsv }, headers);
    }
    const part = pageRequest(query);
    return pageAnswer(await queriesFor(request).listTasks(tasks, part), part, request, headers);
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
      query: atMostOneOf(z.strictObject({ scope: scopeParameter('owned'), ...asOfParameters }), asOfRule),
      answers: { 200: TaskStatsView },
      rejects: ['ADMIN_ONLY'],
      async handle(asked) {
        const { caller, query, request } = asked;
        const { past, headers } = await fresh(asked, query.scope);
        const at = past ? new Date(past.at ?? 0) : new Date();
        const days = { today: today(caller.timezone, at), recentSince: startOfLastSevenDays(caller.timezone, at) };
        const asOf = past && formatPosition(past.position);
        return { status: 200, headers, body: await queriesFor(request).taskStats({ reader: caller, scope: query.scope, asOf, ...days }) };
      },
    }),
    route({
      ...listed,
      path: '/tags',
      summary: 'List the tags in use, the most used first',
      needs: { scope: 'tasks:read' },
      query: atMostOneOf(z.strictObject({ ...pageParameters, ...asOfParameters }), ...pageRules, asOfRule),
      answers: { 200: pageOf(TagView) },
      rejects: ['INVALID_CURSOR'],
      async handle(asked) {
        const { past, headers } = await fresh(asked, 'all');
        const part = pageRequest(asked.query);
        const list = { reader: asked.caller, asOf: past && formatPosition(past.position) };
        return pageAnswer(await queriesFor(asked.request).listTags(list, part), part, asked.request, headers);
      },
    }),
  ];
}
