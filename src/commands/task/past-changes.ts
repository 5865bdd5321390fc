import type { RecordedTaskEvent } from '../../events/recorded-event.ts';
import { fieldChanges } from '../../events/task/changes.ts';

/** What one command did to a task: the events that it appended together. */
export interface PastChange {
  /** Whose doing it was. */
  by: string;
  events: readonly RecordedTaskEvent[];
  /** Those of them that can be taken back: what a task is created as, its transfers, comments and files stand. */
  undoable: readonly RecordedTaskEvent[];
  /** The revisions that it took back, when it was an undo. */
  undoOf: readonly number[];
  /** The change that took it back, and was not taken back itself; null while it is in force. */
  undoneBy: PastChange | null;
}

/** A task's history as what its commands did, oldest first. */
export function pastChanges(history: readonly RecordedTaskEvent[]): PastChange[] {
  const changes: PastChange[] = [];
  for (const event of history) {
    const last = changes.at(-1);
    if (last && isOneCommand(last.events[0]!, event)) (last.events as RecordedTaskEvent[]).push(event);
    else changes.push({ by: event.metadata.actor.id, events: [event], undoable: [], undoOf: event.metadata.undo_of ?? [], undoneBy: null });
  }
  for (const change of changes) if (!isTransfer(change)) change.undoable = change.events.filter(isUndoable);
  findUndone(changes);
  return changes;
}

/** A later change than `since` that leaves things as if neither it nor what it took back had happened. */
export function isAsIfNever({ undoneBy, undoOf }: PastChange, since: number, taken: ReadonlySet<PastChange>): boolean {
  if (undoneBy !== null) return !taken.has(undoneBy);
  return undoOf.length > 0 && undoOf.every((revision) => revision > since);
}

/** What of a task an event sets, under the names that undo knows: a status with its time of completion, each share by itself. */
export function touchedBy(event: RecordedTaskEvent): string[] {
  const fields = fieldChanges(event).map(({ field }) => field);
  if (event.type !== 'TaskTransferred') return fields.filter((field) => field !== 'completed_at');
  const { from, to } = event.data.owner_id;
  return [...fields, `shares.${from}`, `shares.${to}`];
}

function isOneCommand({ metadata: one }: RecordedTaskEvent, { metadata: other }: RecordedTaskEvent): boolean {
  return one.command_id === other.command_id && one.operation_id === other.operation_id;
}

/** From the last one back: what took something back may have been taken back itself by then. */
function findUndone(changes: readonly PastChange[]): void {
  const undoing = new Map<number, PastChange>();
  for (const change of changes.toReversed()) {
    const undone = change.undoable.find(({ revision }) => undoing.has(revision));
    if (undone) change.undoneBy = undoing.get(undone.revision)!;
    else for (const revision of change.undoOf) if (!undoing.has(revision)) undoing.set(revision, change);
  }
}

function isTransfer({ events }: PastChange): boolean {
  return events.some(({ type }) => type === 'TaskTransferred');
}

/** What a transfer or an erasure did to shares and assignee belongs to it, and stands with it. */
function isUndoable(event: RecordedTaskEvent): boolean {
  switch (event.type) {
    case 'TaskEdited':
    case 'TaskTagsChanged':
    case 'TaskTransitioned':
    case 'TaskAssigned':
    case 'TaskShared':
    case 'TaskSharePermissionChanged':
    case 'TaskRestored':
      return true;
    case 'TaskUnshared':
      return event.data.reason === 'revoked' || event.data.reason === 'left';
    case 'TaskUnassigned':
    case 'TaskDeleted':
      return event.data.reason !== 'erased';
    case 'TaskCreated':
    case 'TaskTransferred':
    case 'CommentAdded':
    case 'CommentEdited':
    case 'CommentDeleted':
    case 'CommentRestored':
    case 'FileAttached':
    case 'FileDeleted':
    case 'FilesPurged':
      return false;
    default:
      return event satisfies never;
  }
}
