import type { EventMetadata } from '../../events/metadata.ts';
import type { RecordedTaskEvent } from '../../events/recorded-event.ts';
import { type ShareReader, shareReader } from '../../events/task/shares-seen.ts';
import type { Task } from '../../events/task/task.ts';
import { Rejection } from '../../rejection.ts';
import { before, bringBack } from './bring-back.ts';
import { isAsIfNever, type PastChange, pastChanges, touchedBy } from './past-changes.ts';
import { type Context, type Decided, onTask, requirePermission, taskNotFound } from './task-command.ts';

const MOST_EVENTS_NAMED = 100;

/** Something that the undo would have to overwrite has happened since. */
export class UndoConflict extends Rejection {
  /** Oldest first, at most 100. */
  readonly events: readonly RecordedTaskEvent[];
  /** Who is refused: what they may see of these events. */
  readonly reader: ShareReader;
  constructor(events: readonly RecordedTaskEvent[], reader: ShareReader) {
    super('UNDO_CONFLICT', 'What it set has been changed since');
    this.events = events.slice(0, MOST_EVENTS_NAMED);
    this.reader = reader;
  }
}

interface Undo {
  /** Of those to whom a share or the task itself may have to be given back, who is active. */
  active: ReadonlySet<string>;
}

/**
 * Takes back the caller's last change that is neither undone nor an undo, or the one that a revision names: of others for the owner
 * alone, also of an undo, which is then done again.
 */
export const undoTask = onTask<Undo & { revision?: number }>({
  needs: 'edit',
  readsHistory: true,
  decide(task, { revision, active }, context) {
    const changes = pastChanges(context.history);
    const change = revision === undefined ? lastOwn(changes, context) : named(changes, revision, task, context);
    return takeBack(task, changes, [change], active, context);
  },
});

/** Which events belong to a run: all that is given must hold. Times are RFC 3339 UTC with milliseconds, both included. */
export interface Run {
  operationId?: string | undefined;
  requestId?: string | undefined;
  tokenId?: string | undefined;
  actorId?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** Whose events alone; everybody's when left out. */
  by?: string | undefined;
}

/** Takes back what a run did to the task, its deletion included: all of it or, where others have changed any of it since, nothing. */
export const undoRun = onTask<Undo & { run: Run }>({
  needs: 'view',
  onDeleted: true,
  readsHistory: true,
  decide(task, { run, active }, context) {
    const isGone = task.deletedAt !== null;
    if (isGone) requirePermission(task, context.actor, 'owner');
    const changes = pastChanges(context.history);
    const taken = ofRun(changes, run);
    if (taken.length === 0) throw nothingToUndo('The run left nothing on the task that could be taken back');
    const isRestored =
      before(
        taken.flatMap(({ undoable }) => undoable),
        context.history,
      ).deleted === false;
    if (isGone && !isRestored) throw taskNotFound();
    requirePermission(task, context.actor, 'edit');
    return takeBack(task, changes, taken, active, context);
  },
});

/** To whom an undo of any of these events might have to give something back. */
export function peopleGivenBack(events: readonly RecordedTaskEvent[]): string[] {
  const ids = events.flatMap((event) => {
    if (event.type === 'TaskAssigned' || event.type === 'TaskUnassigned') return event.data.assignee_id.from ?? [];
    return event.type === 'TaskUnshared' ? event.data.user_id : [];
  });
  return [...new Set(ids)];
}

function lastOwn(changes: readonly PastChange[], { actor }: Context): PastChange {
  const own = changes.findLast((change) => change.by === actor.id && change.undoOf.length === 0 && !change.undoneBy && isChange(change));
  if (!own) throw nothingToUndo('There is no change of yours left to take back');
  return own;
}

function named(changes: readonly PastChange[], revision: number, task: Task, { actor }: Context): PastChange {
  const change = changes.find(({ events }) => events.some((event) => event.revision === revision));
  if (!change) throw new Rejection('REVISION_NOT_FOUND', 'The task has no such revision');
  if (change.by !== actor.id) requirePermission(task, actor, 'owner');
  if (change.undoneBy) throw nothingToUndo('That has been taken back already');
  if (!isChange(change)) throw nothingToUndo('That is no change of fields, status, tags, assignee or shares');
  return change;
}

/** Deletions are taken back by restoring the task, or with the run that they belong to. */
function isChange({ undoable }: PastChange): boolean {
  return undoable.length > 0 && undoable.every(({ type }) => type !== 'TaskDeleted' && type !== 'TaskRestored');
}

/** What the run did and is in force still, oldest first. What it took back itself later goes with what took it back. */
function ofRun(changes: readonly PastChange[], run: Run): PastChange[] {
  const taken = new Set<PastChange>();
  for (const change of changes.toReversed()) {
    const { undoable, undoneBy } = change;
    const isInForce = undoneBy === null || taken.has(undoneBy);
    if (undoable.length > 0 && isInForce && isOf(run, undoable[0]!.metadata)) taken.add(change);
  }
  return changes.filter((change) => taken.has(change));
}

function isOf({ operationId, requestId, tokenId, actorId, from, to, by }: Run, metadata: EventMetadata): boolean {
  const { actor, occurred_at: at } = metadata;
  return (
    (operationId === undefined || metadata.operation_id === operationId) &&
    (requestId === undefined || metadata.request_id === requestId) &&
    (tokenId === undefined || metadata.token_id === tokenId) &&
    (actorId === undefined || actor.id === actorId) &&
    (by === undefined || actor.id === by) &&
    (from === undefined || at >= from) &&
    (to === undefined || at <= to)
  );
}

function takeBack(
  task: Task,
  changes: readonly PastChange[],
  taken: readonly PastChange[],
  active: ReadonlySet<string>,
  context: Context,
): Decided[] {
  const events = taken.flatMap(({ undoable }) => undoable);
  const inTheWay = eventsInTheWay(changes, new Set(taken), events);
  if (inTheWay.length > 0) throw new UndoConflict(inTheWay, shareReader(task, context.actor));
  const back = bringBack(task, before(events, context.history), (id) => active.has(id), context);
  if (back.length === 0) throw nothingToUndo('The task is as it was before');
  const undoOf = events.map(({ revision }) => revision);
  return back.map((event) => ({ ...event, undoOf }));
}

/** What set the same things later, and still counts. */
function eventsInTheWay(changes: readonly PastChange[], taken: ReadonlySet<PastChange>, events: readonly RecordedTaskEvent[]) {
  const since = new Map<string, number>();
  for (const event of events) for (const field of touchedBy(event)) if (!since.has(field)) since.set(field, event.revision);
  const isInTheWay = (change: PastChange, event: RecordedTaskEvent) =>
    touchedBy(event).some((field) => {
      const first = since.get(field);
      return first !== undefined && event.revision > first && !isAsIfNever(change, first, taken);
    });
  return changes.flatMap((change) => (taken.has(change) ? [] : change.events.filter((event) => isInTheWay(change, event))));
}

function nothingToUndo(message: string): Rejection {
  return new Rejection('NOTHING_TO_UNDO', message);
}
