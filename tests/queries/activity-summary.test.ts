import { expect, describe as group, test } from '@jest/globals';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import { describe } from '../../src/projections/activity/describe.ts';
import { activitySummary } from '../../src/queries/activity/activity-summary.ts';
import { everyTaskEvent, everyUserEvent } from '../events/every-event.ts';
import { recorded } from '../support/happenings.ts';

/** What the audit trail keeps of an event of each type. */
const kept = [
  ...recorded(Object.values(everyTaskEvent)),
  ...recorded(Object.values(everyUserEvent) as never[]).map((event) => ({ ...event, stream: 'user-x' })),
].flatMap((event) => {
  const labels = new Map([
    ['00000000-0000-7000-8000-000000000001', { title: 'Water the palms' }],
    ['00000000-0000-7000-8000-0000000000f1', { filename: 'plan.pdf' }],
  ]);
  const description = describe(event as RecordedEvent, labels);
  return description === null ? [] : [{ type: event.type as string, details: description.details }];
});

group('the summary of an event', () => {
  test('is a sentence for each type', () => {
    const summaries = Object.fromEntries(
      kept.map(({ type, details }) => [type, activitySummary(type, { ...details, ...named(type) }, 'carol')]),
    );
    expect(summaries).toEqual({
      TaskCreated: 'Created the task “Water the plants”',
      TaskEdited: 'Changed the title, the description, the priority and the due date',
      TaskTagsChanged: 'Added the tag garden',
      TaskTransitioned: 'Moved from todo to done',
      TaskAssigned: 'Reassigned the task to carol',
      TaskUnassigned: 'Ended the assignment of the task to carol',
      TaskShared: 'Shared the task with bob (view)',
      TaskSharePermissionChanged: 'Changed the share of bob (edit)',
      TaskUnshared: 'Took back the share of bob',
      TaskTransferred: 'Transferred the task to carol',
      TaskDeleted: 'Deleted the task “Water the palms”',
      TaskRestored: 'Restored the task “Water the palms”',
      CommentAdded: 'Added a comment',
      CommentEdited: 'Edited a comment',
      CommentDeleted: 'Deleted a comment',
      CommentRestored: 'Restored a comment',
      FileAttached: 'Attached the file “plan.pdf”',
      FileDeleted: 'Deleted the file “plan.pdf”',
      FilesPurged: 'Removed the content of deleted files for good',
      UserRegistered: 'Registered the account',
      UserProfileChanged: 'Changed the full name and the timezone',
      UserEmailChanged: 'Changed the e-mail address',
      UserEmailVerified: 'Verified the e-mail address',
      UserPasswordChanged: 'Changed the password',
      UserRoleChanged: 'Changed the role from user to admin',
      UserDeactivated: 'Disabled the account',
      UserReactivated: 'Enabled the account again',
      UserErased: 'Erased the account',
      AccessTokenCreated: 'Created an access token',
      AccessTokenRevoked: 'Revoked an access token',
      NotificationPreferencesChanged: 'Changed the notification preferences',
      WebhookCreated: 'Created a webhook',
      WebhookChanged: 'Changed a webhook',
      WebhookDeleted: 'Deleted a webhook',
      WebhookDisabled: 'Disabled a webhook: gone',
    });
  });

  test('says how an assignment began', () => {
    const summary = (from: string | null) =>
      activitySummary('TaskAssigned', { old_values: { assignee_id: from }, new_values: { assignee_id: 'a' } }, 'carol');
    expect([summary(null), summary('a'), summary('b')]).toEqual([
      'Assigned the task to carol',
      'Gave carol access by the assignment',
      'Reassigned the task to carol',
    ]);
  });

  test('passes over text that was erased, and whatever else is missing', () => {
    for (const { type } of kept) expect(activitySummary(type, {})).not.toMatch(/undefined|null/);
    expect(activitySummary('TaskCreated', { title: null })).toBe('Created the task');
    expect(activitySummary('FileAttached', { filename: null })).toBe('Attached a file');
  });

  test('tells an undo, a reset, a forced deletion and several tags', () => {
    expect(activitySummary('TaskTransitioned', { old_values: { status: 'done' }, new_values: { status: 'todo' }, undo_of: [3] })).toBe(
      'Moved from done to todo (undo of revision 3)',
    );
    expect(activitySummary('UserPasswordChanged', { by: 'reset' })).toBe('Reset the password');
    expect(activitySummary('TaskDeleted', { title: 'x', forced: true })).toBe('Force-deleted the task “x”');
    expect(activitySummary('TaskTagsChanged', { old_values: { tags: ['a', 'b'] }, new_values: { tags: ['c', 'd', 'b'] } })).toBe(
      'Added the tags c and d and removed the tag a',
    );
  });

  test('of a type that only a newer version knows is still one', () => {
    expect(activitySummary('TaskTeleported', {})).toBe('Something happened');
    expect(activitySummary('toString', {})).toBe('Something happened');
  });
});

/** The name that is joined to shares when they are read. */
function named(type: string) {
  return type.includes('Share') || type === 'TaskUnshared' ? { username: 'bob' } : {};
}
