import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import { Id } from '../../events/values.ts';
import { actions } from '../../projections/activity/describe.ts';
import type { ActorFilter } from '../../queries/activity/activity-filters.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { Rejection } from '../../rejection.ts';
import { momentsBetween, offsetsOf, timezoneParameter } from '../days.ts';
import type { Freshness } from '../freshness.ts';
import { exportAnswer, exportContentTypes, exportFormatOf, exportParameters, wholeWhenExported } from '../list-export.ts';
import { notAfter, notBefore, type SomebodyNamed, somebody, someOf, uuid } from '../query-parameters.ts';
import { type Route, route } from '../route.ts';
import { activityCsv } from '../views/activity-csv.ts';
import { ActivityStatsView, ActivityView, resourceTypes } from '../views/activity-view.ts';
import { atMostOneOf, PageQuery, pageAnswer, pageOf, pageParameters, pageRequest, pageRules } from '../views/listing-view.ts';

export interface ActivityServices {
  queriesFor: QueriesFor<'listActivity' | 'exportActivity' | 'activityStats' | 'taskTimeline'>;
  freshness: Pick<Freshness, 'wait'>;
  /** From the task's own stream; a deleted task is there for its owner and admins. @throws Rejection TASK_NOT_FOUND */
  requireTaskVisible(taskId: string, caller: Caller): Promise<void>;
}

const ActivityQuery = wholeWhenExported(
  atMostOneOf(
    z.strictObject({
      action: someOf(actions),
      resource_type: someOf(resourceTypes),
      start_date: notBefore('What happened then or later.'),
      end_date: notAfter('What happened then or earlier.'),
      task_id: uuid('What happened to this task.'),
      operation_id: uuid('What this call or job did.'),
      actor: somebody('Whose doing; for admins, others only see their own.'),
      timezone: timezoneParameter,
      ...pageParameters,
      ...exportParameters,
    }),
    ...pageRules,
  ),
);
type ActivityQuery = z.output<typeof ActivityQuery>;

const common = { method: 'get', tag: 'Activity', obeys: ['Tasktrail-Position'], gives: ['Tasktrail-Stale?'] } as const;

/** The audit trail: what somebody did, and what happened to a task. */
export function activityRoutes({ queriesFor, freshness, requireTaskVisible }: ActivityServices): Route[] {
  return [
    route({
      ...common,
      path: '/activity',
      summary: 'List what the caller did, newest first',
      needs: { scope: 'tasks:read' },
      query: ActivityQuery,
      answers: { 200: { json: pageOf(ActivityView), contentTypes: exportContentTypes } },
      rejects: ['ADMIN_ONLY', 'INVALID_CURSOR'],
      async handle({ query, caller, request }) {
        const format = exportFormatOf(query, request);
        const actor = requireActor(query.actor, caller);
        const list = { actor, reader: caller, filters: filtersOf(query, caller.timezone) };
        const { headers } = await freshness.wait({
          caller,
          request,
          models: ['activity', 'listing'],
          ofEverybody: query.actor !== undefined,
        });
        if (format) {
          const batches = queriesFor(request).exportActivity(list, request.signal);
          return exportAnswer({ name: 'activity', format, bom: query.bom, batches, columns: activityCsv }, headers);
        }
        const part = pageRequest(query);
        return pageAnswer(await queriesFor(request).listActivity(list, part), part, request, headers);
      },
    }),
    route({
      ...common,
      path: '/activity/stats',
      summary: 'Count what the caller did',
      needs: { scope: 'tasks:read' },
      query: z.strictObject({ timezone: timezoneParameter }),
      answers: { 200: ActivityStatsView },
      rejects: [],
      async handle({ caller, request }) {
        const { headers } = await freshness.wait({ caller, request, models: ['activity'] });
        return { status: 200, headers, body: await queriesFor(request).activityStats(caller.id, offsetsOf(caller.timezone)) };
      },
    }),
    route({
      ...common,
      path: '/activity/tasks/:task_id',
      summary: 'All that happened to a task, oldest first',
      description: 'Of a deleted task for its owner and admins.',
      needs: { scope: 'tasks:read', task: 'view' },
      params: z.strictObject({ task_id: Id }),
      query: PageQuery,
      answers: { 200: pageOf(ActivityView) },
      rejects: ['TASK_NOT_FOUND', 'INVALID_CURSOR'],
      absent: 'TASK_NOT_FOUND',
      async handle({ params: { task_id: taskId }, query, caller, request }) {
        await requireTaskVisible(taskId, caller);
        const { headers } = await freshness.wait({ caller, request, models: ['activity', 'listing'], taskId });
        const part = pageRequest(query);
        return pageAnswer(await queriesFor(request).taskTimeline(taskId, caller, part), part, request, headers);
      },
    }),
  ];
}

/** @throws Rejection ADMIN_ONLY for others than oneself */
function requireActor(actor: SomebodyNamed | undefined, caller: Caller): ActorFilter {
  if (actor === undefined || actor === 'me') return { id: caller.id };
  const self = 'id' in actor ? actor.id === caller.id : actor.username === caller.username;
  if (!self && !caller.isAdmin) throw new Rejection('ADMIN_ONLY', 'What others did is for admins only');
  return actor;
}

function filtersOf(query: ActivityQuery, timezone: string) {
  return {
    action: query.action,
    resourceType: query.resource_type,
    occurred: momentsBetween(query.start_date, query.end_date, timezone),
    taskId: query.task_id,
    operationId: query.operation_id,
  };
}
