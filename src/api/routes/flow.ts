import { z } from 'zod';
import { Id, Status } from '../../events/values.ts';
import type { FlowStats } from '../../queries/history/flow-stats.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { Rejection } from '../../rejection.ts';
import { bucketDates, bucketsUntil, daysBetween } from '../buckets.ts';
import { timezoneParameter } from '../days.ts';
import type { Freshness } from '../freshness.ts';
import { date } from '../query-parameters.ts';
import { type Route, route } from '../route.ts';
import { scopeParameter } from './task-list-query.ts';

export interface FlowServices {
  queriesFor: QueriesFor<'flowStats'>;
  freshness: Pick<Freshness, 'wait'>;
}

const MOST_BUCKETS = 366;
/** Before it nothing has been recorded by anybody. */
const earliest = '1970-01-01';

const dateGiven = (description: string) =>
  z.string({ error: 'is required' }).pipe(date(description).unwrap()).meta({ format: 'date', description });

const FlowQuery = z.strictObject({
  from: dateGiven('The first date.'),
  to: dateGiven('The last date.'),
  bucket: z
    .enum(['day', 'week'])
    .default('day')
    .meta({ description: 'Weeks begin on Monday; the first one and the last are cut to the dates.' }),
  timezone: timezoneParameter,
  scope: scopeParameter('owned'),
});
type FlowQuery = z.output<typeof FlowQuery>;

const count = z.int().nonnegative();
const seconds = z.number().nonnegative();
const Spread = z
  .strictObject({ p50: seconds.nullable(), p85: seconds.nullable(), p95: seconds.nullable(), count })
  .meta({ id: 'Spread', description: 'Percentiles in seconds; null where there is nothing to measure.' });

const FlowView = z
  .strictObject({
    buckets: z.array(
      z.strictObject({
        start: z.iso.date(),
        created: count,
        completed: count.describe('Became done and still were at the end.'),
        open: z.record(Status, count).describe('How many there were at the end, by status.'),
      }),
    ),
    lead_time: Spread.describe('From creation to the last time done, of those that became done in the range and were at its end.'),
    cycle_time: Spread.describe('The same from the first time in progress, of those that ever were.'),
    time_in_status: z.record(Status, Spread).describe('How long the same tasks were in each status altogether.'),
    ageing: z
      .array(z.strictObject({ task_id: Id, title: z.string(), status: Status, age: seconds, time_in_status: seconds }))
      .describe('What was neither done nor cancelled at the end, the oldest first, at most 100; in seconds.'),
  })
  .meta({ id: 'TaskFlow' }) satisfies z.ZodType<FlowStats>;

/** How work flows: told from the history, so that it was there before anybody asked. */
export function flowRoutes({ queriesFor, freshness }: FlowServices): Route[] {
  return [
    route({
      method: 'get',
      path: '/tasks/stats/flow',
      tag: 'Tasks',
      summary: 'How tasks flow through the workflow, by day or week',
      description:
        'Of the tasks that the caller may see now, as they were: what is open at the end of a bucket is what `/tasks/stats` as of that moment ' +
        'has, with `scope` as it was held then. Buckets that have not begun are left out.',
      needs: { scope: 'tasks:read' },
      query: FlowQuery,
      obeys: ['Tasktrail-Position'],
      gives: ['Tasktrail-Stale?'],
      answers: { 200: FlowView },
      rejects: ['ADMIN_ONLY'],
      async handle({ query, caller, request }) {
        const { scope, to } = query;
        const dates = requireDates(query);
        const now = new Date();
        const buckets = bucketsUntil(now, dates, to, caller.timezone);
        const ofEverybody = scope === 'everyone';
        const { headers } = await freshness.wait({ caller, request, models: ['listing', 'history'], ofEverybody });
        const { starts, end } = buckets;
        const asked = { reader: caller, scope, starts, end, now: end < now.toISOString() ? end : now.toISOString() };
        const stats = await queriesFor(request).flowStats(asked);
        const named = stats.buckets.map((bucket, index) => ({ ...bucket, start: buckets.dates[index]! }));
        return { status: 200, headers, body: { ...stats, buckets: named } };
      },
    }),
  ];
}

function requireDates({ from, to, bucket }: FlowQuery): string[] {
  if (from < earliest) throw fault('from', `must not be before ${earliest}`, 'too_small');
  if (to < from) throw fault('to', 'must not be before from', 'too_small');
  const most = bucket === 'week' ? 7 * MOST_BUCKETS : MOST_BUCKETS;
  const dates = daysBetween(from, to) < most ? bucketDates(from, to, bucket) : [];
  if (dates.length === 0 || dates.length > MOST_BUCKETS)
    throw fault('to', `must be at most ${MOST_BUCKETS} buckets from the first`, 'too_big');
  return dates;
}

function fault(name: string, message: string, code: string): Rejection {
  return new Rejection('VALIDATION_FAILED', 'The request is not valid', [{ path: `query.${name}`, message, code }]);
}
