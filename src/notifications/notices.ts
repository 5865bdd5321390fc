import type { RecordedEvent } from '../events/recorded-event.ts';
import { subjectId } from '../events/recorded-event.ts';
import type { Task } from '../events/task/task.ts';
import type { EventTypeName } from '../events/upcasters.ts';

/** What somebody is told, in their inbox. */
export const inboxKinds = [
  'task_assigned_to_me',
  'task_unassigned_from_me',
  'task_shared_with_me',
  'task_share_changed',
  'task_share_revoked',
  'task_share_left',
  'task_completed',
  'task_deleted',
  'task_restored',
  'comment_on_my_task',
  'mentioned',
  'comment_deleted',
  'comment_restored',
  'file_attached',
  'file_deleted',
  'task_due_soon',
  'role_changed',
  'webhook_created',
  'webhook_changed',
  'webhook_disabled',
] as const;
export type InboxKind = (typeof inboxKinds)[number];

/** What is told by mail alone: it is about the account, and there is nothing to look at. */
type MailOnlyKind = 'password_changed' | 'email_changed' | 'access_token_created';
/** What is told by mail too. */
type MailedToo = Extract<
  InboxKind,
  | 'task_assigned_to_me'
  | 'task_shared_with_me'
  | 'task_completed'
  | 'task_deleted'
  | 'comment_on_my_task'
  | 'mentioned'
  | 'webhook_created'
  | 'webhook_changed'
  | 'webhook_disabled'
>;

/** That one person is told of one event, and by which ways. */
export type Notice = { userId: string } & (
  | { kind: InboxKind; ways: readonly ['inbox'] }
  | { kind: MailedToo; ways: readonly ['inbox', 'mail'] }
  | { kind: MailOnlyKind; ways: readonly ['mail'] }
);

type Told<T> = Extract<RecordedEvent, { type: T }>;

/** Whom an event tells: by what it says itself, or also by what the task was when it had happened. */
type Rule<T> = ((event: Told<T>) => readonly Notice[]) | { withTask(event: Told<T>, task: Task): readonly Notice[] };

const nobody = (): readonly Notice[] => [];

const rules: { [T in EventTypeName]: Rule<T> } = {
  TaskCreated: ({ data }) => both('task_assigned_to_me', data.assignee_id),
  TaskEdited: nobody,
  TaskTagsChanged: nobody,
  TaskTransitioned: {
    withTask: ({ data }, task) => (data.status.to === 'done' ? both('task_completed', task.ownerId, task.assigneeId) : []),
  },
  TaskAssigned: ({ data: { assignee_id } }) =>
    // An assignment that begins to give access is no news to the assignee.
    assignee_id.from === assignee_id.to
      ? []
      : [...both('task_assigned_to_me', assignee_id.to), ...inbox('task_unassigned_from_me', assignee_id.from)],
  TaskUnassigned: ({ data }) => inbox('task_unassigned_from_me', data.assignee_id.from),
  TaskShared: ({ data }) => both('task_shared_with_me', data.user_id),
  TaskSharePermissionChanged: ({ data }) => inbox('task_share_changed', data.user_id),
  TaskUnshared: {
    withTask({ data }, task) {
      if (data.reason === 'revoked') return inbox('task_share_revoked', data.user_id);
      return data.reason === 'left' ? inbox('task_share_left', task.ownerId) : [];
    },
  },
  TaskTransferred: ({ data }) => both('task_assigned_to_me', data.owner_id.to),
  TaskDeleted: ({ data: { last } }) => [
    ...both('task_deleted', last.owner_id),
    ...inbox('task_deleted', last.assignee_id, ...last.sharee_ids),
  ],
  TaskRestored: ({ data }) => inbox('task_restored', data.restored.owner_id),
  CommentAdded: {
    withTask: ({ data }, task) => [...both('mentioned', ...data.mentions), ...both('comment_on_my_task', task.ownerId, task.assigneeId)],
  },
  CommentEdited: ({ data: { mentions } }) => both('mentioned', ...mentions.to.filter((id) => !mentions.from.includes(id))),
  CommentDeleted: ({ data }) => inbox('comment_deleted', data.author_id),
  CommentRestored: ({ data }) => inbox('comment_restored', data.author_id),
  FileAttached: { withTask: (_, task) => inbox('file_attached', task.ownerId, task.assigneeId) },
  FileDeleted: { withTask: ({ data }, task) => inbox('file_deleted', task.files.get(data.file_id)?.uploadedBy) },
  FilesPurged: nobody,
  UserRegistered: nobody,
  UserProfileChanged: nobody,
  UserEmailChanged: (event) => mail('email_changed', event),
  UserEmailVerified: nobody,
  UserPasswordChanged: (event) => mail('password_changed', event),
  UserRoleChanged: (event) => inbox('role_changed', subjectId(event)),
  UserDeactivated: nobody,
  UserReactivated: nobody,
  UserErasureRequested: nobody,
  UserErased: nobody,
  AccessTokenCreated: (event) => mail('access_token_created', event),
  AccessTokenRevoked: nobody,
  NotificationPreferencesChanged: nobody,
  WebhookCreated: (event) => both('webhook_created', subjectId(event)),
  WebhookChanged: (event) => (isForOwner(event) ? both('webhook_changed', subjectId(event)) : []),
  WebhookDeleted: nobody,
  WebhookDisabled: (event) => both('webhook_disabled', subjectId(event)),
};

/** Notified of even when the actor is the account itself: that may have been another person with its credentials. */
const securityKinds: ReadonlySet<Notice['kind']> = new Set(['webhook_created', 'webhook_changed', 'webhook_disabled']);

/** Where a webhook leads to, and that it is active again, concerns the account's security. */
function isForOwner({ data: { changes } }: Told<'WebhookChanged'>): boolean {
  return 'url' in changes || changes.active?.to === true;
}

/** Whether an event of this type may tell somebody. */
export function tells(type: EventTypeName): boolean {
  return rules[type] !== nobody;
}

/** Whether it takes the task to say whom. */
export function needsTask(type: EventTypeName): boolean {
  return typeof rules[type] === 'object';
}

/**
 * Who is told of an event: each person once, by the first of what there is to be told, and nobody of what they did themselves, but for
 * what concerns the security of their account.
 * @param task as the event left it; null where that was not asked for, or the task is not there
 */
export function noticesOf(event: RecordedEvent, task: Task | null): Notice[] {
  const rule = rules[event.type] as Rule<EventTypeName>;
  const all = typeof rule === 'function' ? rule(event) : task === null ? [] : rule.withTask(event, task);
  const told = new Map<string, Notice>();
  for (const notice of all) {
    const isOwn = notice.userId === event.metadata.actor.id && notice.ways[0] === 'inbox' && !securityKinds.has(notice.kind);
    if (!isOwn && !told.has(notice.userId)) told.set(notice.userId, notice);
  }
  return [...told.values()];
}

type Someone = string | null | undefined;

function inbox(kind: InboxKind, ...people: readonly Someone[]): Notice[] {
  return present(people).map((userId) => ({ userId, kind, ways: ['inbox'] }));
}

function both(kind: MailedToo, ...people: readonly Someone[]): Notice[] {
  return present(people).map((userId) => ({ userId, kind, ways: ['inbox', 'mail'] }));
}

function mail(kind: MailOnlyKind, event: RecordedEvent): Notice[] {
  return [{ userId: subjectId(event), kind, ways: ['mail'] }];
}

function present(people: readonly Someone[]): string[] {
  return people.filter((id) => typeof id === 'string');
}
