import type { RecordedEvent, RecordedTaskEvent, RecordedUserEvent } from '../../events/recorded-event.ts';
import { subjectId } from '../../events/recorded-event.ts';
import { fieldChanges } from '../../events/task/changes.ts';
import type { ActivityRow } from './schema.ts';

/** The actions of the audit trail. Closed. */
export const actions = [
  'created',
  'updated',
  'transitioned',
  'assigned',
  'unassigned',
  'shared',
  'share_changed',
  'unshared',
  'transferred',
  'deleted',
  'restored',
  'uploaded',
  'purged',
  'verified',
  'password_changed',
  'role_changed',
  'deactivated',
  'reactivated',
  'erased',
  'token_created',
  'token_revoked',
  'disabled',
] as const;
export type Action = (typeof actions)[number];

/** What the audit trail says of an event. */
export interface Description {
  action: Action;
  resource: ActivityRow['resource_type'];
  resourceId: string;
  details: Record<string, unknown>;
}

/** What an event does not tell itself and an earlier one did: a task's title, a comment's text, a file's name. By resource id. */
export type Labels = ReadonlyMap<string, Record<string, unknown>>;

const PREVIEW = 100;

/** @returns null for an event that has no place in the audit trail */
export function describe(event: RecordedEvent, labels: Labels): Description | null {
  const description = event.stream.startsWith('user-')
    ? describeUserEvent(event as RecordedUserEvent)
    : describeTaskEvent(event as RecordedTaskEvent, labels);
  const { undo_of } = event.metadata;
  return description && undo_of ? { ...description, details: { ...description.details, undo_of } } : description;
}

/** What later events of the same resource will want to know of this one. */
export function labelOf(event: RecordedEvent): [id: string, label: Record<string, unknown>] | null {
  switch (event.type) {
    case 'TaskCreated':
      return [subjectId(event), { title: event.data.title }];
    case 'TaskEdited':
      return event.data.changes.title === undefined ? null : [subjectId(event), { title: event.data.changes.title?.to ?? null }];
    case 'CommentAdded':
      return [event.data.comment_id, preview(event.data.content)];
    case 'CommentEdited':
      return [event.data.comment_id, preview(event.data.content?.to ?? null)];
    case 'FileAttached':
      return [event.data.file_id, { filename: event.data.name, size: event.data.size, content_type: event.data.content_type }];
    default:
      return null;
  }
}

function describeTaskEvent(event: RecordedTaskEvent, labels: Labels): Description {
  const taskId = subjectId(event);
  const onTask = (action: Action, details = changeDetails(event)): Description => ({
    action,
    resource: 'task',
    resourceId: taskId,
    details,
  });
  const onResource = (action: Action, resource: 'comment' | 'file', id: string): Description => ({
    action,
    resource,
    resourceId: id,
    details: labels.get(id) ?? {},
  });
  switch (event.type) {
    case 'TaskCreated': {
      const { title, priority, status, tags, due_date } = event.data;
      return onTask('created', { title, priority, status, completed: status === 'done', tags, due_date });
    }
    case 'TaskEdited':
    case 'TaskTagsChanged':
      return onTask('updated');
    case 'TaskTransitioned':
      return onTask('transitioned', { ...changeDetails(event), ...(event.data.comment !== undefined && { comment: event.data.comment }) });
    case 'TaskAssigned':
      return onTask('assigned', { ...changeDetails(event), gives_access: event.data.gives_access });
    case 'TaskUnassigned':
      return onTask('unassigned');
    case 'TaskShared':
      return share('shared', event, event.data.permission);
    case 'TaskSharePermissionChanged':
      return share('share_changed', event, event.data.permission.to);
    case 'TaskUnshared':
      return share('unshared', event, event.data.permission);
    case 'TaskTransferred':
      return onTask('transferred');
    case 'TaskDeleted':
    case 'TaskRestored': {
      const { priority, status, tags, due_date } = event.type === 'TaskDeleted' ? event.data.last : event.data.restored;
      const was = { title: labels.get(taskId)?.title ?? null, priority, status, completed: status === 'done', tags, due_date };
      return event.type === 'TaskDeleted' ? onTask('deleted', { ...was, forced: event.data.forced }) : onTask('restored', was);
    }
    case 'CommentAdded':
      return onResource('created', 'comment', event.data.comment_id);
    case 'CommentEdited':
      return onResource('updated', 'comment', event.data.comment_id);
    case 'CommentDeleted':
      return onResource('deleted', 'comment', event.data.comment_id);
    case 'CommentRestored':
      return onResource('restored', 'comment', event.data.comment_id);
    case 'FileAttached':
      return onResource('uploaded', 'file', event.data.file_id);
    case 'FileDeleted':
      return onResource('deleted', 'file', event.data.file_id);
    case 'FilesPurged':
      return { action: 'purged', resource: 'file', resourceId: event.data.file_ids[0]!, details: { file_ids: event.data.file_ids } };
    default:
      return event satisfies never;
  }
}

function share(action: Action, event: RecordedTaskEvent & { data: { user_id: string } }, permission: string): Description {
  const { user_id } = event.data;
  return { action, resource: 'task', resourceId: subjectId(event), details: { user_id, permission, ...changeDetails(event) } };
}

function changeDetails(event: RecordedTaskEvent): Record<string, unknown> {
  const changes = fieldChanges(event);
  return {
    changed_fields: changes.map(({ field }) => field),
    old_values: Object.fromEntries(changes.map(({ field, from }) => [field, from])),
    new_values: Object.fromEntries(changes.map(({ field, to }) => [field, to])),
  };
}

function describeUserEvent(event: RecordedUserEvent): Description | null {
  const onUser = (action: Action, details: Record<string, unknown> = {}): Description => ({
    action,
    resource: 'user',
    resourceId: subjectId(event),
    details,
  });
  switch (event.type) {
    case 'UserRegistered':
      return onUser('created', event.data);
    case 'UserProfileChanged':
      return onUser('updated', { changed_fields: event.data.fields });
    case 'UserEmailChanged':
      return onUser('updated', { changed_fields: ['email'] });
    case 'UserEmailVerified':
      return onUser('verified');
    case 'UserPasswordChanged':
      return onUser('password_changed', event.data);
    case 'UserRoleChanged':
      return onUser('role_changed', {
        changed_fields: ['role'],
        old_values: { role: event.data.role.from },
        new_values: { role: event.data.role.to },
      });
    case 'UserDeactivated':
      return onUser('deactivated');
    case 'UserReactivated':
      return onUser('reactivated');
    case 'UserErasureRequested':
      return null;
    case 'UserErased':
      return onUser('erased', event.data);
    case 'AccessTokenCreated':
      return onUser('token_created', event.data);
    case 'AccessTokenRevoked':
      return onUser('token_revoked', event.data);
    case 'NotificationPreferencesChanged':
      return onUser('updated', valueDetails(event.data.changes));
    case 'WebhookCreated':
      return onUser('created', event.data);
    case 'WebhookChanged':
      return onUser('updated', { webhook_id: event.data.webhook_id, ...valueDetails(event.data.changes) });
    case 'WebhookDeleted':
      return onUser('deleted', event.data);
    case 'WebhookDisabled':
      return onUser('disabled', event.data);
    default:
      return event satisfies never;
  }
}

function valueDetails(changes: Record<string, { from: unknown; to: unknown }>): Record<string, unknown> {
  const entries = Object.entries(changes);
  return {
    changed_fields: entries.map(([key]) => key),
    old_values: Object.fromEntries(entries.map(([key, { from }]) => [key, from])),
    new_values: Object.fromEntries(entries.map(([key, { to }]) => [key, to])),
  };
}

/** The beginning of a comment, as details have it. */
export function preview(content: string | null): { content_preview: string | null } {
  return { content_preview: content === null ? null : [...content].slice(0, PREVIEW).join('') };
}
