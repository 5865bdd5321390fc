import { z } from 'zod';
import { netChanges, reversed } from '../../events/task/net-changes.ts';
import { permissionOf } from '../../events/task/permission.ts';
import { changesSeen, shareReader } from '../../events/task/shares-seen.ts';
import { decodeCursor, encodeCursor } from '../../queries/cursor.ts';
import { keyTypes } from '../../queries/key-type.ts';
import { type Page, type PageRequest, pageNumber, rowsBefore } from '../../queries/page.ts';
import { Rejection } from '../../rejection.ts';
import { type EventStreams, eventStreamType } from '../event-stream.ts';
import { wholeNumber } from '../query-parameters.ts';
import { paced, type Replayer, replay, replayViews } from '../replay.ts';
import { type Answer, type RequestContext, type Route, route } from '../route.ts';
import { TaskPath } from '../task-commands.ts';
import type { TaskReads, TaskReadsFor } from '../task-reads.ts';
import { FieldChangeView } from '../views/field-change-view.ts';
import { atMostOneOf, pageAnswer, pageOf, pageParameters, pageRequest, pageRules } from '../views/listing-view.ts';
import type { People } from '../views/person-view.ts';
import { ReplayView } from '../views/replay-view.ts';

export interface ReplayServices {
  tasksFor: TaskReadsFor;
  people(ids: readonly string[]): Promise<People>;
  streams: EventStreams;
}

const highest = 2 ** 31 - 1;
const fastest = 1_000_000;

const speed = z
  .string()
  .refine((text) => /^\d{1,7}(\.\d{1,6})?$/.test(text), { error: 'must be a number', params: { code: 'type' } })
  .transform(Number)
  .pipe(z.number().positive().max(fastest))
  .optional()
  .meta({
    type: 'number',
    exclusiveMinimum: 0,
    maximum: fastest,
    default: 1,
    description: 'How many times faster than it happened; for the stream only.',
  });

const ReplayQuery = atMostOneOf(
  z.strictObject({
    from_revision: wholeNumber(0, highest, { description: 'The first, 0 when left out.' }),
    to_revision: wholeNumber(0, highest, { description: 'The last.' }),
    speed,
    ...pageParameters,
  }),
  ...pageRules,
);
type ReplayQuery = z.output<typeof ReplayQuery>;

const revision = (description: string) =>
  z
    .string({ error: 'is required' })
    .pipe(wholeNumber(0, highest).unwrap())
    .meta({ type: 'integer', minimum: 0, maximum: highest, description });
const DiffQuery = z.strictObject({ from: revision('A revision.'), to: revision('Another, earlier or later.') });
const DiffView = z
  .strictObject({ from: z.int(), to: z.int(), changes: z.array(FieldChangeView).describe('What is different, field by field.') })
  .meta({ id: 'TaskDiff' });

const common = { method: 'get', params: TaskPath, absent: 'TASK_NOT_FOUND', needs: { scope: 'tasks:read', task: 'view' } } as const;

/** What a task was, event by event, and what is different between two of its revisions. Of a deleted one for its owner and admins. */
export function replayRoutes({ tasksFor, people, streams }: ReplayServices): Route[] {
  return [
    route({
      ...common,
      path: '/activity/tasks/:task_id/replay',
      tag: 'Activity',
      summary: 'Replay what happened to a task, event by event, with what it then was',
      description:
        'As JSON a list, oldest first. As `text/event-stream` a stream at the pace at which it happened, times `speed`, with gaps of two ' +
        'seconds at most: `id:` is the revision, `event:` the type, and `end` comes last. `Last-Event-ID` goes on behind that revision.',
      query: ReplayQuery,
      obeys: ['Last-Event-ID'],
      answers: { 200: { json: pageOf(ReplayView), contentTypes: [eventStreamType] } },
      rejects: ['TASK_NOT_FOUND', 'INVALID_CURSOR', 'LIMIT_REACHED'],
      async handle({ params: { task_id: taskId }, query, caller, request }) {
        const tasks = tasksFor(request);
        const now = await tasks.read(taskId, caller, { deleted: true });
        const replayer = { caller, permission: permissionOf(now.task, caller)!, people };
        const from = query.from_revision ?? 0;
        const range = { taskId, from, to: Math.min(query.to_revision ?? highest, now.revision) };
        if (request.preferred(['application/json', eventStreamType]) !== eventStreamType) {
          return pageAnswer(await pageOfReplay(tasks, range, replayer, pageRequest(query)), pageRequest(query), request, {});
        }
        requireWhole(query);
        const rest = { ...range, from: Math.max(from, behindLastEvent(request)) };
        return streams.answer({
          caller,
          request,
          events: (signal) => paced(replay(tasks, rest), query.speed ?? 1, replayer, signal),
          async requireVisible(asking) {
            const { task } = await tasks.read(taskId, asking, { deleted: true });
            replayer.permission = permissionOf(task, asking)!;
          },
        });
      },
    }),
    route({
      ...common,
      path: '/tasks/:task_id/diff',
      tag: 'Tasks',
      summary: 'What is different between two revisions of a task',
      query: DiffQuery,
      answers: { 200: DiffView },
      rejects: ['TASK_NOT_FOUND', 'REVISION_NOT_FOUND'],
      async handle({ params: { task_id: taskId }, query: { from, to }, caller, request }): Promise<Answer> {
        const tasks = tasksFor(request);
        const { task, revision: last } = await tasks.read(taskId, caller, { deleted: true });
        if (Math.max(from, to) > last) throw new Rejection('REVISION_NOT_FOUND', `The task is at revision ${last}`);
        // A task is deleted twice only when its owner's account was erased.
        const net = netChanges(task.erased && (await isDeletedAt(tasks, taskId, Math.min(from, to))));
        for await (const events of tasks.events(taskId, { from: Math.min(from, to) + 1, to: Math.max(from, to) })) {
          for (const event of events) net.add(event);
        }
        const changes = changesSeen(net.total(), shareReader(task, caller));
        return { status: 200, body: { from, to, changes: from > to ? reversed(changes) : changes } };
      },
    }),
  ];
}

async function pageOfReplay(
  tasks: TaskReads,
  range: { taskId: string; from: number; to: number },
  replayer: Replayer,
  asked: PageRequest,
): Promise<Page> {
  const { taskId, from, to } = range;
  const form = { list: ['replay', range.taskId, from], keyType: keyTypes.integer, idType: keyTypes.uuid };
  const start = asked.by === 'cursor' ? Number(decodeCursor(asked.cursor, form).key) + 1 : from + rowsBefore(asked);
  const end = Math.min(start + asked.size - 1, to);
  const items: string[] = [];
  for await (const page of replay(tasks, { taskId, from: start, to: end })) {
    for (const view of await replayViews(page, replayer)) items.push(JSON.stringify(view));
  }
  const total = asked.by === 'cursor' && !asked.includeTotal ? null : Math.max(0, to - from + 1);
  return {
    items: items.join(','),
    total,
    page: pageNumber(asked),
    perPage: asked.size,
    pages: total === null ? null : Math.ceil(total / asked.size),
    nextCursor: end < to ? encodeCursor({ key: String(end), id: taskId }, form) : null,
  };
}

async function isDeletedAt(tasks: TaskReads, taskId: string, revision: number): Promise<boolean> {
  let isDeleted = false;
  for await (const events of tasks.events(taskId, { from: 0, to: revision })) {
    for (const { type } of events) if (type === 'TaskDeleted' || type === 'TaskRestored') isDeleted = type === 'TaskDeleted';
  }
  return isDeleted;
}

/** A stream has no parts. */
function requireWhole(query: ReplayQuery): void {
  const message = 'cannot go together with a stream';
  const parts = (['page', 'skip', 'cursor'] as const).filter((name) => query[name] !== undefined);
  const faults = parts.map((name) => ({ path: `query.${name}`, message, code: 'conflicts_with' }));
  if (faults.length > 0) throw new Rejection('VALIDATION_FAILED', 'The request is not valid', faults);
}

function behindLastEvent(request: RequestContext): number {
  const id = request.header('last-event-id');
  return id === undefined || id === '' ? 0 : Number(id) + 1;
}
