import { z } from 'zod';
import { formatPosition, type Position, parsePosition } from '../../events/store/event-store.ts';
import { Id } from '../../events/values.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { Rejection } from '../../rejection.ts';
import type { AsOfQuery, TimeTravel } from '../as-of.ts';
import { isDate, lastMoment, plusDays, timezoneParameter } from '../days.ts';
import { PositionText, requestedPosition } from '../forms.ts';
import { notAfter, uuid } from '../query-parameters.ts';
import { JsonText, type Route, route } from '../route.ts';
import { FieldChangeView } from '../views/field-change-view.ts';
import { atMostOneOf, pageAnswer, pageOf, pageParameters, pageRequest, pageRules } from '../views/listing-view.ts';

export interface TaskChangesServices {
  queriesFor: QueriesFor<'listTaskChanges'>;
  timeTravel: TimeTravel;
}

const positionForm = /^\d+$/;

/** A time, a date or a position. */
function moment(description: string) {
  return z
    .string()
    .transform((text, context): AsOfQuery => {
      if (positionForm.test(text)) {
        const position = parsePosition(text);
        if (position !== undefined) return { as_of_position: position };
      }
      const time = notAfter('').safeParse(text);
      if (time.success) return { as_of: time.data };
      const message = 'must be a date, a time or a position: decimal digits';
      context.addIssue({ code: 'custom', message, params: { code: 'format' } });
      return z.NEVER;
    })
    .meta({ anyOf: [{ ...requestedPosition }, { format: 'date' }, { format: 'date-time' }], description });
}

const ChangesQuery = atMostOneOf(
  z.strictObject({
    from: moment("A time, a date (its beginning; a day of the caller's) or a position."),
    to: moment('A later time, date (its end, and today is now) or position; not in the future.'),
    timezone: timezoneParameter,
    task_id: uuid('Of this task alone.'),
    ...pageParameters,
  }),
  ...pageRules,
);

const TaskChangeView = z
  .strictObject({
    task_id: Id,
    title: z.string(),
    kind: z.enum(['created', 'changed', 'finished', 'reopened', 'deleted', 'restored']),
    changes: z.array(FieldChangeView),
  })
  .meta({ id: 'TaskChange', description: 'A task that is different at two moments.' });

const ChangesView = pageOf(TaskChangeView).extend({ from: PositionText, to: PositionText.describe('The positions that were compared.') });

/** What is different between two moments, over all tasks that the caller may see. */
export function taskChangesRoutes({ queriesFor, timeTravel }: TaskChangesServices): Route[] {
  return [
    route({
      method: 'get',
      path: '/activity/diff',
      tag: 'Activity',
      summary: 'What is different between two moments, over all tasks that the caller may see now',
      description:
        'A task appears once, with what it is after both moments: what was undone in between is not told, and a task that was there at ' +
        'neither moment neither. `from` and `to` answer the positions that the moments stand for: asked for by them, it never moves.',
      needs: { scope: 'tasks:read' },
      query: ChangesQuery,
      obeys: ['Tasktrail-Position'],
      gives: ['Tasktrail-As-Of-Position', 'Tasktrail-Stale?'],
      answers: { 200: ChangesView },
      rejects: ['INVALID_CURSOR'],
      async handle({ query, caller, request }) {
        const fresh = { caller, request, models: ['listing'] as const, ofEverybody: caller.isAdmin };
        const to = await inItsPlace('to', timeTravel.resolve(query.to, fresh));
        const from = await inItsPlace('from', timeTravel.resolve(beginning(query.from, caller.timezone), fresh));
        const between = { from: from.past!.position, to: to.past!.position };
        requireOrder(between);
        const positions = { from: formatPosition(between.from), to: formatPosition(between.to) };
        const part = pageRequest(query);
        const page = await queriesFor(request).listTaskChanges({ reader: caller, taskId: query.task_id, ...positions }, part);
        const { body, ...answer } = pageAnswer(page, part, request, { ...from.headers, ...to.headers });
        return { ...answer, body: new JsonText(`${JSON.stringify(positions).slice(0, -1)},${(body as JsonText).text.slice(1)}`) };
      },
    }),
  ];
}

/** A date begins when the one before has ended: what happened on it is of after. */
function beginning({ as_of, as_of_position }: AsOfQuery, timezone: string): AsOfQuery {
  if (as_of === undefined || !isDate(as_of)) return { as_of, as_of_position };
  return { as_of: lastMoment(plusDays(as_of, -1), timezone) };
}

/** A moment of the future is told of the parameter that named it. */
async function inItsPlace<T>(name: string, resolved: Promise<T>): Promise<T> {
  try {
    return await resolved;
  } catch (error) {
    if (!(error instanceof Rejection) || error.code !== 'VALIDATION_FAILED') throw error;
    throw fault(name, 'must not be in the future', 'too_big');
  }
}

function requireOrder({ from, to }: Record<'from' | 'to', Position>): void {
  if (from > to) throw fault('to', 'must not be before from', 'too_small');
}

function fault(name: string, message: string, code: string): Rejection {
  return new Rejection('VALIDATION_FAILED', 'The request is not valid', [{ path: `query.${name}`, message, code }]);
}
