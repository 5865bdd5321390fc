import type { RecordedEvent } from '../events/recorded-event.ts';

type Types = RecordedEvent['type'];
type DataOf<T extends Types> = Extract<RecordedEvent, { type: T }>['data'];

export interface Described<D = unknown> {
  /** What has happened, in a sentence. */
  summary: string;
  /** Its data, as it may be. */
  example: D;
}

const ann = '018f3c5e-7a10-7c44-9a51-2f6b8d0e4a01';
const bob = '018f3c5e-7a10-7c44-9a51-2f6b8d0e4a02';
const comment_id = '018f3c61-02b7-7d19-8c3e-5b1a9f7c2d10';
const file_id = '018f3c62-4e90-7a3b-b6d2-0c8e1f5a7b20';
const token_id = '018f3c63-91c5-7b68-a7f4-3d2e6c9b8a30';
const webhook_id = '018f3c64-d8f2-7e57-95a8-7c4d1b3e6f40';
const sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

const asItWas: DataOf<'TaskDeleted'>['last'] = {
  status: 'in_progress',
  priority: 'high',
  due_date: '2026-03-01',
  tags: ['home'],
  owner_id: ann,
  assignee_id: null,
  gives_access: true,
  sharee_ids: [bob],
  comment_count: 1,
  file_ids: [file_id],
};

/** Every event, for whoever gets them: the documents are made from this, and one without an entry does not compile. */
export const eventCatalogue: { [T in Types]: Described<DataOf<T>> } = {
  TaskCreated: {
    summary: 'A task was made.',
    example: {
      title: 'Water the plants',
      description: 'All of them, also the cactus',
      priority: 'high',
      status: 'todo',
      completed_at: null,
      due_date: '2026-03-01',
      tags: ['home'],
      owner_id: ann,
      assignee_id: null,
    },
  },
  TaskEdited: {
    summary: 'Title, description, priority or due date of a task were changed: those that were are there.',
    example: { changes: { title: { from: 'Water the plant', to: 'Water the plants' }, due_date: { from: null, to: '2026-03-01' } } },
  },
  TaskTagsChanged: { summary: 'The tags of a task were changed.', example: { tags: { from: ['home'], to: ['garden', 'home'] } } },
  TaskTransitioned: {
    summary: 'A task went from one status to another, perhaps with a comment.',
    example: {
      status: { from: 'in_progress', to: 'done' },
      completed_at: { from: null, to: '2026-02-27T16:20:00.000Z' },
      comment: 'Soaked',
    },
  },
  TaskAssigned: {
    summary: 'A task was assigned to a user, or the assignment of its assignee began to give access.',
    example: { assignee_id: { from: null, to: bob }, gives_access: true },
  },
  TaskUnassigned: {
    summary: 'A task is assigned to nobody any more.',
    example: { assignee_id: { from: bob, to: null }, reason: 'command' },
  },
  TaskShared: {
    summary: 'A task was shared with somebody, who has access to it from now on.',
    example: { user_id: bob, permission: 'view' },
  },
  TaskSharePermissionChanged: {
    summary: 'What somebody may do with a task that is shared with them was changed.',
    example: { user_id: bob, permission: { from: 'view', to: 'edit' } },
  },
  TaskUnshared: {
    summary: 'A task is no longer shared with somebody.',
    example: { user_id: bob, permission: 'edit', reason: 'revoked' },
  },
  TaskTransferred: {
    summary: 'A task has another owner; `kept` is what the one before may still do, or null.',
    example: { owner_id: { from: ann, to: bob }, kept: 'edit', reason: 'command' },
  },
  TaskDeleted: {
    summary: 'A task was deleted; `last` is what it was.',
    example: { forced: false, reason: 'command', last: asItWas },
  },
  TaskRestored: {
    summary: 'A deleted task is back as it was; the contents of the files in `purged_file_ids` are gone.',
    example: { restored: asItWas, purged_file_ids: [] },
  },
  CommentAdded: {
    summary: 'Somebody commented on a task; `mentions` are the people named in the comment who have access.',
    example: { comment_id, content: 'Done by noon, @bob', mentions: [bob] },
  },
  CommentEdited: {
    summary: 'The author changed a comment.',
    example: {
      comment_id,
      author_id: ann,
      content: { from: 'Done by noon, @bob', to: 'Done by one' },
      mentions: { from: [bob], to: [] },
    },
  },
  CommentDeleted: { summary: 'A comment was deleted.', example: { comment_id, author_id: ann, by: 'author' } },
  CommentRestored: { summary: 'A deleted comment is back.', example: { comment_id, author_id: ann, by: 'author' } },
  FileAttached: {
    summary: 'A file was attached to a task.',
    example: { file_id, name: 'plan.pdf', size: 48_213, content_type: 'application/pdf', sha256, blob_key: file_id },
  },
  FileDeleted: { summary: 'A file was deleted.', example: { file_id, size: 48_213, blob_key: file_id } },
  FilesPurged: {
    summary: 'The contents of deleted files are gone for good: by the service, some days after they were deleted.',
    example: { file_ids: [file_id] },
  },
  UserRegistered: { summary: 'An account was made.', example: { role: 'user', via: 'self' } },
  UserProfileChanged: { summary: 'Somebody changed what is said of them; the names of the fields.', example: { fields: ['full_name'] } },
  UserEmailChanged: { summary: 'An account has another e-mail address.', example: {} },
  UserEmailVerified: { summary: 'An e-mail address was found to be its owner’s.', example: {} },
  UserPasswordChanged: { summary: 'A password was changed, or reset by a link.', example: { by: 'change' } },
  UserRoleChanged: { summary: 'Somebody became an admin, or is one no longer.', example: { role: { from: 'user', to: 'admin' } } },
  UserDeactivated: { summary: 'An account was disabled.', example: {} },
  UserReactivated: { summary: 'A disabled account is active again.', example: {} },
  UserErasureRequested: {
    summary: 'An account is to be erased; its tasks go to somebody, or with it.',
    example: { transfer_to: bob },
  },
  UserErased: {
    summary: 'An account is erased: what was written under it can be read by nobody. Whoever keeps copies deletes theirs.',
    example: { transfer_to: bob },
  },
  AccessTokenCreated: {
    summary: 'Somebody made a personal access token.',
    example: { token_id, scopes: ['tasks:read', 'events:read'], expires_at: null },
  },
  AccessTokenRevoked: { summary: 'A personal access token was revoked.', example: { token_id } },
  NotificationPreferencesChanged: {
    summary: 'Somebody changed what they want to be told of.',
    example: { changes: { task_completed: { from: false, to: true } } },
  },
  WebhookCreated: { summary: 'Somebody made a webhook.', example: { webhook_id, types: ['task.*'] } },
  WebhookChanged: { summary: 'A webhook was changed.', example: { webhook_id, changes: { active: { from: true, to: false } } } },
  WebhookDeleted: { summary: 'A webhook was deleted.', example: { webhook_id } },
  WebhookDisabled: {
    summary: 'A webhook was disabled: its receiver is gone, or did not answer for a day.',
    example: { webhook_id, reason: 'gone' },
  },
};
