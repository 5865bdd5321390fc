import type { TaskEvent } from '../../src/events/task/task-events.ts';
import type { UserEvent } from '../../src/events/user/user-events.ts';
import { at, commented, created, deleted, editor, owner, restored, viewer } from '../support/happenings.ts';

const comment_id = '00000000-0000-7000-8000-0000000000c1';
const file_id = '00000000-0000-7000-8000-0000000000f1';
const token_id = '00000000-0000-7000-8000-0000000000b1';
const webhook_id = '00000000-0000-7000-8000-0000000000b2';

type OneOf<E extends { type: string }> = { [T in E['type']]: Extract<E, { type: T }> };

/** One event of every type about a task: a type without one does not compile. */
export const everyTaskEvent: OneOf<TaskEvent> = {
  TaskCreated: created({
    description: 'All of them, also the cactus',
    tags: ['home'],
    due_date: '2026-03-01',
    assignee_id: editor,
  }) as OneOf<TaskEvent>['TaskCreated'],
  TaskEdited: {
    type: 'TaskEdited',
    data: {
      changes: {
        title: { from: 'Water the plants', to: 'Water the palms' },
        description: { from: 'All of them, also the cactus', to: '' },
        priority: { from: 'medium', to: 'urgent' },
        due_date: { from: '2026-03-01', to: null },
      },
    },
  },
  TaskTagsChanged: { type: 'TaskTagsChanged', data: { tags: { from: ['home'], to: ['garden', 'home'] } } },
  TaskTransitioned: {
    type: 'TaskTransitioned',
    data: { status: { from: 'todo', to: 'done' }, completed_at: { from: null, to: at(3) }, comment: 'Soaked — ganz naß 🌵' },
  },
  TaskAssigned: { type: 'TaskAssigned', data: { assignee_id: { from: editor, to: viewer }, gives_access: false } },
  TaskUnassigned: { type: 'TaskUnassigned', data: { assignee_id: { from: viewer, to: null }, reason: 'command' } },
  TaskShared: { type: 'TaskShared', data: { user_id: viewer, permission: 'view' } },
  TaskSharePermissionChanged: { type: 'TaskSharePermissionChanged', data: { user_id: viewer, permission: { from: 'view', to: 'edit' } } },
  TaskUnshared: { type: 'TaskUnshared', data: { user_id: viewer, permission: 'edit', reason: 'revoked' } },
  TaskTransferred: { type: 'TaskTransferred', data: { owner_id: { from: owner, to: editor }, kept: 'edit', reason: 'command' } },
  TaskDeleted: deleted({ status: 'done', comment_count: 1, file_ids: [file_id] }) as OneOf<TaskEvent>['TaskDeleted'],
  TaskRestored: restored({ status: 'done', comment_count: 1, file_ids: [file_id] }) as OneOf<TaskEvent>['TaskRestored'],
  CommentAdded: commented(comment_id, 'Look at @editor') as OneOf<TaskEvent>['CommentAdded'],
  CommentEdited: {
    type: 'CommentEdited',
    data: { comment_id, author_id: owner, content: { from: 'Look at @editor', to: 'Look' }, mentions: { from: [editor], to: [] } },
  },
  CommentDeleted: { type: 'CommentDeleted', data: { comment_id, author_id: owner, by: 'author' } },
  CommentRestored: { type: 'CommentRestored', data: { comment_id, author_id: owner, by: 'author' } },
  FileAttached: {
    type: 'FileAttached',
    data: { file_id, name: 'plan.pdf', size: 1234, content_type: 'application/pdf', sha256: 'ab'.repeat(32), blob_key: 'blobs/f1' },
  },
  FileDeleted: { type: 'FileDeleted', data: { file_id, size: 1234, blob_key: 'blobs/f1' } },
  FilesPurged: { type: 'FilesPurged', data: { file_ids: [file_id] } },
};

/** One event of every type about an account. */
export const everyUserEvent: OneOf<UserEvent> = {
  UserRegistered: { type: 'UserRegistered', data: { role: 'user', via: 'self' } },
  UserProfileChanged: { type: 'UserProfileChanged', data: { fields: ['full_name', 'timezone'] } },
  UserEmailChanged: { type: 'UserEmailChanged', data: {} },
  UserEmailVerified: { type: 'UserEmailVerified', data: {} },
  UserPasswordChanged: { type: 'UserPasswordChanged', data: { by: 'change' } },
  UserRoleChanged: { type: 'UserRoleChanged', data: { role: { from: 'user', to: 'admin' } } },
  UserDeactivated: { type: 'UserDeactivated', data: {} },
  UserReactivated: { type: 'UserReactivated', data: {} },
  UserErasureRequested: { type: 'UserErasureRequested', data: { transfer_to: editor } },
  UserErased: { type: 'UserErased', data: { transfer_to: null } },
  AccessTokenCreated: { type: 'AccessTokenCreated', data: { token_id, scopes: ['tasks:read'], expires_at: null } },
  AccessTokenRevoked: { type: 'AccessTokenRevoked', data: { token_id } },
  NotificationPreferencesChanged: {
    type: 'NotificationPreferencesChanged',
    data: { changes: { task_completed: { from: false, to: true } } },
  },
  WebhookCreated: { type: 'WebhookCreated', data: { webhook_id, types: ['*'] } },
  WebhookChanged: { type: 'WebhookChanged', data: { webhook_id, changes: { active: { from: true, to: false } } } },
  WebhookDeleted: { type: 'WebhookDeleted', data: { webhook_id } },
  WebhookDisabled: { type: 'WebhookDisabled', data: { webhook_id, reason: 'gone' } },
};
