import { z } from 'zod';
import type { Caller } from '../accounts/caller.ts';
import { taskNotFound } from '../commands/task/task-command.ts';
import { emptyAggregate, foldHistory } from '../commands/task-aggregate.ts';
import type { RecordedTaskEvent } from '../events/recorded-event.ts';
import { formatPosition } from '../events/store/event-store.ts';
import { permissionOf } from '../events/task/permission.ts';
import { Rejection } from '../rejection.ts';
import { type AsOfQuery, asOfParameters, asOfRule, type TimeTravel } from './as-of.ts';
import { wholeNumber } from './query-parameters.ts';
import type { Answer, RequestContext } from './route.ts';
import { includeParameter } from './task-parts.ts';
import type { TaskReadsFor } from './task-reads.ts';
import { atMostOneOf } from './views/listing-view.ts';
import type { People } from './views/person-view.ts';
import { peopleOn, taskView } from './views/task-view.ts';

export const PastTaskQuery = atMostOneOf(
  z.strictObject({
    ...asOfParameters,
    revision: wholeNumber(0, 2 ** 31 - 1, { description: 'As this revision left it.' }),
    ...includeParameter,
  }),
  [...asOfRule, 'revision'],
  ...[...asOfRule, 'revision'].map((past) => [past, 'include']),
);
type PastTaskQuery = z.output<typeof PastTaskQuery>;

export function asksForThePast(query: PastTaskQuery): boolean {
  return query.as_of !== undefined || query.as_of_position !== undefined || query.revision !== undefined;
}

interface Services {
  tasksFor: TaskReadsFor;
  timeTravel: TimeTravel;
  people(ids: readonly string[]): Promise<People>;
}

interface Asked {
  taskId: string;
  query: PastTaskQuery;
  caller: Caller;
  request: RequestContext;
}

/**
 * The task as it was, for whom may see it now: folded from its own stream. One that is deleted now is there for its owner and admins; one
 * that was deleted then, for them too.
 */
export async function answerPast({ tasksFor, timeTravel, people }: Services, { taskId, query, caller, request }: Asked): Promise<Answer> {
  const { task: now, revision, events } = await tasksFor(request).history(taskId, caller, { deleted: true });
  if (query.revision !== undefined && query.revision > revision) {
    throw new Rejection('REVISION_NOT_FOUND', `The task is at revision ${revision}`);
  }
  const { until, at, headers } =
    query.revision === undefined ? await byMoment(timeTravel, query, { caller, request }) : byRevision(events, query.revision);
  const then = emptyAggregate(taskId);
  await foldHistory(then, events.filter(until));
  const permission = permissionOf(now, caller)!;
  if (then.task === null || (then.task.deletedAt !== null && permission !== 'owner' && permission !== 'admin')) throw taskNotFound();
  const named = await people(peopleOn(then.task));
  return { status: 200, headers, body: taskView(then.task, then.revision, caller, named, { at, permission }) };
}

interface Until {
  until(event: RecordedTaskEvent): boolean;
  at: Date;
  headers: Record<string, string>;
}

async function byMoment(timeTravel: TimeTravel, query: AsOfQuery, asked: Pick<Asked, 'caller' | 'request'>): Promise<Until> {
  const { past, headers } = await timeTravel.resolve(query, { ...asked, models: [] });
  return { until: ({ position }) => position <= past!.position, at: new Date(past!.at ?? 0), headers };
}

function byRevision(events: readonly RecordedTaskEvent[], revision: number): Until {
  const { metadata, position } = events.at(revision)!;
  const headers = { 'Tasktrail-As-Of-Position': formatPosition(position) };
  return { until: (event) => event.revision <= revision, at: new Date(metadata.occurred_at), headers };
}
