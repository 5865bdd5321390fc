import type { TaskEvent } from './task-events.ts';

/** One field of a task that an event changed, under its public name. */
export interface FieldChange {
  field: string;
  from: unknown;
  to: unknown;
}

/** What an event changed in the task, field by field: what diffs, timelines, a 412 and undo tell. Empty where no field changed. */
export function fieldChanges(event: TaskEvent): FieldChange[] {
  switch (event.type) {
    case 'TaskCreated': {
      const { owner_id, assignee_id, ...fields } = event.data;
      return Object.entries({ ...fields, owner_id, assignee_id })
        .filter(([, to]) => to !== null && to !== '' && !(Array.isArray(to) && to.length === 0))
        .map(([field, to]) => ({ field, from: null, to }));
    }
    case 'TaskEdited':
      return Object.entries(event.data.changes).map(([field, change]) => ({ field, from: change?.from ?? null, to: change?.to ?? null }));
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
      return [{ field: 'deleted', from: false, to: true }];
    case 'TaskRestored':
      return [{ field: 'deleted', from: true, to: false }];
    case 'CommentAdded':
      return [{ field: `comments.${event.data.comment_id}`, from: null, to: event.data.content }];
    case 'CommentEdited':
      return [{ field: `comments.${event.data.comment_id}`, from: event.data.content?.from ?? null, to: event.data.content?.to ?? null }];
    case 'CommentDeleted':
    case 'CommentRestored':
      return [
        { field: `comments.${event.data.comment_id}.deleted`, from: event.type === 'CommentRestored', to: event.type === 'CommentDeleted' },
      ];
    case 'FileAttached':
      return [{ field: `files.${event.data.file_id}`, from: null, to: event.data.name }];
    case 'FileDeleted':
      return [{ field: `files.${event.data.file_id}.deleted`, from: false, to: true }];
    case 'FilesPurged':
      return event.data.file_ids.map((id) => ({ field: `files.${id}.purged`, from: false, to: true }));
    default:
      return event satisfies never;
  }
}

/** The owner before had no share, as owners have none. What the new one had was taken away by an event of its own. */
function keptShare({ owner_id, kept }: Extract<TaskEvent, { type: 'TaskTransferred' }>['data']): FieldChange[] {
  return kept === null ? [] : [{ field: `shares.${owner_id.from}`, from: null, to: kept }];
}
