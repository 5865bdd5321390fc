import type { TaskEvent } from './task-events.ts';

/** One field of a task that an event changed, under its public name. */
export interface FieldChange {
  field: string;
  from: unknown;
  to: unknown;
  /** The values are null because they were erased: that there was a change is still known. */
  erased?: true;
}

/**
 * What an event changed in the task, field by field: what diffs, timelines, a 412 and undo tell. Empty where no field changed.
 * @param wasDeleted whether the task was deleted before the event: an erasure deletes such a task once more
 */
export function fieldChanges(event: TaskEvent, wasDeleted = false): FieldChange[] {
  switch (event.type) {
    case 'TaskCreated': {
      const { owner_id, assignee_id, ...fields } = event.data;
      return Object.entries({ ...fields, owner_id, assignee_id })
        .filter(([field, to]) => isErasable(field) || (to !== null && !(Array.isArray(to) && to.length === 0)))
        .filter(([, to]) => to !== '')
        .map(([field, to]) => ({ field, from: null, to, ...(to === null && erased) }));
    }
    case 'TaskEdited':
      return Object.entries(event.data.changes).map(([field, change]) => changeOf(field, change ?? null));
    case 'TaskTagsChanged':
      return [{ field: 'tags', ...event.data.tags }];
    case 'TaskTransitioned': {
      const { status, completed_at } = event.data;
      const completion = completed_at.from === completed_at.to ? [] : [{ field: 'completed_at', ...completed_at }];
      return [{ field: 'status', ...status }, ...completion];
    }
    case 'TaskAssigned':
    case 'TaskUnassigned':
      return [{ field: 'assignee_id', ...event.data.assignee_id }];
    case 'TaskShared':
      return [{ field: `shares.${event.data.user_id}`, from: null, to: event.data.permission }];
    case 'TaskSharePermissionChanged':
      return [{ field: `shares.${event.data.user_id}`, ...event.data.permission }];
    case 'TaskUnshared':
      return [{ field: `shares.${event.data.user_id}`, from: event.data.permission, to: null }];
    case 'TaskTransferred':
      return [{ field: 'owner_id', ...event.data.owner_id }, ...keptShare(event.data)];
    case 'TaskDeleted':
      return wasDeleted ? [] : [{ field: 'deleted', from: false, to: true }];
    case 'TaskRestored':
      return [{ field: 'deleted', from: true, to: false }];
    case 'CommentAdded':
      return [
        { field: `comments.${event.data.comment_id}`, from: null, to: event.data.content, ...(event.data.content === null && erased) },
      ];
    case 'CommentEdited':
      return [changeOf(`comments.${event.data.comment_id}`, event.data.content)];
    case 'CommentDeleted':
    case 'CommentRestored':
      return [
        { field: `comments.${event.data.comment_id}.deleted`, from: event.type === 'CommentRestored', to: event.type === 'CommentDeleted' },
      ];
    case 'FileAttached':
      return [{ field: `files.${event.data.file_id}`, from: null, to: event.data.name, ...(event.data.name === null && erased) }];
    case 'FileDeleted':
      return [{ field: `files.${event.data.file_id}.deleted`, from: false, to: true }];
    case 'FilesPurged':
      return event.data.file_ids.map((id) => ({ field: `files.${id}.purged`, from: false, to: true }));
    default:
      return event satisfies never;
  }
}

const erased = { erased: true } as const;

/** The texts of a new task, which are null only when they were erased. */
function isErasable(field: string): boolean {
  return field === 'title' || field === 'description';
}

/** @param change null when it was erased */
function changeOf(field: string, change: { from?: unknown; to?: unknown } | null): FieldChange {
  return change === null ? { field, from: null, to: null, ...erased } : { field, from: change.from ?? null, to: change.to ?? null };
}

/** The owner before had no share, as owners have none. What the new one had was taken away by an event of its own. */
function keptShare({ owner_id, kept }: Extract<TaskEvent, { type: 'TaskTransferred' }>['data']): FieldChange[] {
  return kept === null ? [] : [{ field: `shares.${owner_id.from}`, from: null, to: kept }];
}
