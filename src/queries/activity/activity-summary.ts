import type { TaskEventType } from '../../events/task/task-events.ts';
import type { UserEventType } from '../../events/user/user-events.ts';

type Details = Readonly<Record<string, unknown>>;

/**
 * A short sentence on an event, from what the audit trail keeps of it. Text that was erased is passed over.
 * @param user the current name of the user whom an assignment or a transfer is about
 */
export function activitySummary(eventType: string, details: Details, user: string | null = null): string {
  const name = user ?? 'another user';
  const sentence = Object.hasOwn(sentences, eventType)
    ? sentences[eventType as keyof typeof sentences](details, name)
    : 'Something happened';
  return details.undo_of === undefined ? sentence : `${sentence} (undo of ${revisions(strings(details.undo_of))})`;
}

function revisions(numbers: readonly string[]): string {
  return `revision${numbers.length === 1 ? '' : 's'} ${list(numbers)}`;
}

const sentences: Record<TaskEventType | UserEventType, (details: Details, user: string) => string> = {
  TaskCreated: (details) => `Created ${task(details)}`,
  TaskEdited: (details) => `Changed ${list(strings(details.changed_fields).map(spoken))}`,
  TaskTagsChanged: tagsChanged,
  TaskTransitioned: (details) => `Moved from ${from(details, 'status')} to ${to(details, 'status')}`,
  TaskAssigned: assigned,
  TaskUnassigned: (_, user) => `Ended the assignment of the task to ${user}`,
  TaskShared: (details) => `Shared the task with ${sharee(details)}${inBrackets(details.permission)}`,
  TaskSharePermissionChanged: (details) => `Changed the share of ${sharee(details)}${inBrackets(details.permission)}`,
  TaskUnshared: (details) => `Took back the share of ${sharee(details)}`,
  TaskTransferred: (_, user) => `Transferred the task to ${user}`,
  TaskDeleted: (details) => `${details.forced === true ? 'Force-deleted' : 'Deleted'} ${task(details)}`,
  TaskRestored: (details) => `Restored ${task(details)}`,
  CommentAdded: () => 'Added a comment',
  CommentEdited: () => 'Edited a comment',
  CommentDeleted: () => 'Deleted a comment',
  CommentRestored: () => 'Restored a comment',
  FileAttached: (details) => `Attached ${file(details)}`,
  FileDeleted: (details) => `Deleted ${file(details)}`,
  FilesPurged: () => 'Removed the content of deleted files for good',
  UserRegistered: () => 'Registered the account',
  UserProfileChanged: (details) => `Changed ${list(strings(details.changed_fields).map(spoken))}`,
  UserEmailChanged: () => 'Changed the e-mail address',
  UserEmailVerified: () => 'Verified the e-mail address',
  UserPasswordChanged: (details) => (details.by === 'reset' ? 'Reset the password' : 'Changed the password'),
  UserRoleChanged: (details) => `Changed the role from ${from(details, 'role')} to ${to(details, 'role')}`,
  UserDeactivated: () => 'Disabled the account',
  UserReactivated: () => 'Enabled the account again',
  UserErasureRequested: () => 'Asked for the account to be erased',
  UserErased: () => 'Erased the account',
  AccessTokenCreated: () => 'Created an access token',
  AccessTokenRevoked: () => 'Revoked an access token',
  NotificationPreferencesChanged: () => 'Changed the notification preferences',
  WebhookCreated: () => 'Created a webhook',
  WebhookChanged: () => 'Changed a webhook',
  WebhookDeleted: () => 'Deleted a webhook',
  WebhookDisabled: (details) => (typeof details.reason === 'string' ? `Disabled a webhook: ${details.reason}` : 'Disabled a webhook'),
};

function task({ title }: Details): string {
  return typeof title === 'string' && title !== '' ? `the task “${title}”` : 'the task';
}

function file({ filename }: Details): string {
  return typeof filename === 'string' ? `the file “${filename}”` : 'a file';
}

function sharee({ username }: Details): string {
  return typeof username === 'string' ? username : 'another user';
}

function inBrackets(value: unknown): string {
  return typeof value === 'string' ? ` (${value})` : '';
}

function assigned({ old_values, new_values }: Details, user: string): string {
  const before = valueIn(old_values, 'assignee_id') ?? null;
  if (before === null) return `Assigned the task to ${user}`;
  return before === valueIn(new_values, 'assignee_id') ? `Gave ${user} access by the assignment` : `Reassigned the task to ${user}`;
}

function tagsChanged(details: Details): string {
  const [old, now] = [strings(valueIn(details.old_values, 'tags')), strings(valueIn(details.new_values, 'tags'))];
  const added = now.filter((tag) => !old.includes(tag));
  const removed = old.filter((tag) => !now.includes(tag));
  const parts = [added.length > 0 ? `added ${tagged(added)}` : '', removed.length > 0 ? `removed ${tagged(removed)}` : ''];
  const sentence = parts.filter((part) => part !== '').join(' and ');
  return sentence === '' ? 'Changed the tags' : sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function tagged(tags: readonly string[]): string {
  return `the tag${tags.length > 1 ? 's' : ''} ${list(tags)}`;
}

function from(details: Details, field: string): string {
  return String(valueIn(details.old_values, field) ?? 'nothing');
}

function to(details: Details, field: string): string {
  return String(valueIn(details.new_values, field) ?? 'nothing');
}

function valueIn(values: unknown, field: string): unknown {
  return typeof values === 'object' && values !== null ? (values as Record<string, unknown>)[field] : undefined;
}

function strings(values: unknown): string[] {
  return Array.isArray(values) ? values.map(String) : [];
}

function spoken(field: string): string {
  return `the ${field.replaceAll('_', ' ')}`;
}

function list(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? 'something') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
