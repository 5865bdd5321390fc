import { expect, test } from '@jest/globals';
import { type RecordedEvent, toFact } from '../../src/events/recorded-event.ts';
import { evolve, type Task } from '../../src/events/task/task.ts';
import type { TaskEventType } from '../../src/events/task/task-events.ts';
import type { UserEventType } from '../../src/events/user/user-events.ts';
import { type Notice, noticesOf } from '../../src/notifications/notices.ts';
import { everyUserEvent } from '../events/every-event.ts';
import {
  admin,
  assigned,
  commented,
  created,
  deleted,
  edited,
  editor,
  type Happening,
  owner,
  recorded,
  restored,
  shared,
  stranger,
  tagged,
  transitioned,
  unassigned,
  viewer,
} from '../support/happenings.ts';

const names: Record<string, string> = {
  [owner]: 'owner',
  [editor]: 'editor',
  [viewer]: 'viewer',
  [stranger]: 'stranger',
  [admin]: 'admin',
};
const comment_id = '00000000-0000-7000-8000-0000000000c1';
const file_id = '00000000-0000-7000-8000-0000000000f1';

const shown = (notices: readonly Notice[]) => notices.map(({ userId, kind, ways }) => `${names[userId]}: ${kind} by ${ways.join(' and ')}`);

/** Who is told of the last of what happened. */
function told(...happenings: Happening[]): string[] {
  const events = recorded(happenings);
  const task = events.reduce<Task | null>((before, event) => evolve(before, toFact(event)), null);
  return shown(noticesOf(events.at(-1)!, task));
}

/** The owner's, assigned to the editor, and shared with the viewer. */
const task = [created({ assignee_id: editor }), shared(viewer, 'view')] as const;
const by = (who: string, happening: Happening): Happening => ({ ...happening, by: who });
const unshared = (user_id: string, reason: 'revoked' | 'left' | 'transferred' | 'erased'): Happening => ({
  type: 'TaskUnshared',
  data: { user_id, permission: 'view', reason },
});
const transferred = (to: string): Happening => ({
  type: 'TaskTransferred',
  data: { owner_id: { from: owner, to }, kept: 'edit', reason: 'command' },
});
const mentioning = (...mentions: string[]): Happening => ({ type: 'CommentAdded', data: { comment_id, content: '@…', mentions } });
const mentionsChanged = (from: string[], to: string[]): Happening => ({
  type: 'CommentEdited',
  data: { comment_id, author_id: viewer, content: { from: 'a', to: 'b' }, mentions: { from, to } },
});
const said = by(viewer, commented(comment_id));
const on = { comment_id, author_id: viewer, by: 'owner' } as const;
const attached: Happening = {
  type: 'FileAttached',
  data: { file_id, name: 'plan.pdf', size: 1, content_type: 'application/pdf', sha256: '00', blob_key: 'f1' },
};
const fileDeleted: Happening = { type: 'FileDeleted', data: { file_id, size: 1, blob_key: 'f1' } };
const present = { assignee_id: editor, sharee_ids: [viewer] };

type Cases = readonly [told: readonly string[], ...of: Happening[]];

/** What happened, the last of it being what is told of, behind who is told. */
const ofTasks: { [T in TaskEventType]: readonly Cases[] } = {
  TaskCreated: [
    [['editor: task_assigned_to_me by inbox and mail'], created({ assignee_id: editor })],
    [[], created({ assignee_id: owner })],
    [[], created()],
  ],
  TaskEdited: [[[], ...task, by(editor, edited({ priority: { from: 'medium', to: 'high' } }))]],
  TaskTagsChanged: [[[], ...task, by(editor, tagged([], ['home']))]],
  TaskTransitioned: [
    [['owner: task_completed by inbox and mail'], ...task, by(editor, transitioned('todo', 'done'))],
    [
      ['owner: task_completed by inbox and mail', 'editor: task_completed by inbox and mail'],
      ...task,
      by(admin, transitioned('todo', 'done')),
    ],
    [[], ...task, by(admin, transitioned('todo', 'blocked'))],
  ],
  TaskAssigned: [
    [['viewer: task_assigned_to_me by inbox and mail', 'editor: task_unassigned_from_me by inbox'], ...task, assigned(viewer, editor)],
    [['editor: task_unassigned_from_me by inbox'], ...task, by(viewer, assigned(viewer, editor))],
  ],
  TaskUnassigned: [
    [['editor: task_unassigned_from_me by inbox'], ...task, unassigned(editor)],
    [[], ...task, by(editor, unassigned(editor))],
  ],
  TaskShared: [[['viewer: task_shared_with_me by inbox and mail'], ...task]],
  TaskSharePermissionChanged: [
    [
      ['viewer: task_share_changed by inbox'],
      ...task,
      { type: 'TaskSharePermissionChanged', data: { user_id: viewer, permission: { from: 'view', to: 'edit' } } },
    ],
  ],
  TaskUnshared: [
    [['viewer: task_share_revoked by inbox'], ...task, unshared(viewer, 'revoked')],
    [['owner: task_share_left by inbox'], ...task, by(viewer, unshared(viewer, 'left'))],
    [[], ...task, unshared(viewer, 'transferred')],
    [[], ...task, by(admin, unshared(viewer, 'erased'))],
  ],
  TaskTransferred: [
    [['viewer: task_assigned_to_me by inbox and mail'], ...task, transferred(viewer)],
    [[], ...task, by(admin, transferred(admin))],
  ],
  TaskDeleted: [
    [['editor: task_deleted by inbox', 'viewer: task_deleted by inbox'], ...task, deleted(present)],
    [['owner: task_deleted by inbox and mail', 'viewer: task_deleted by inbox'], ...task, by(editor, deleted(present))],
  ],
  TaskRestored: [
    [[], ...task, deleted(present), restored(present)],
    [['owner: task_restored by inbox'], ...task, deleted(present), by(admin, restored(present))],
  ],
  CommentAdded: [
    [['owner: comment_on_my_task by inbox and mail', 'editor: comment_on_my_task by inbox and mail'], ...task, said],
    [
      ['owner: mentioned by inbox and mail', 'editor: comment_on_my_task by inbox and mail'],
      ...task,
      by(viewer, mentioning(owner, viewer)),
    ],
    [[], created({ assignee_id: owner }), commented(comment_id)],
    [['owner: comment_on_my_task by inbox and mail'], created({ assignee_id: owner }), by(admin, commented(comment_id))],
  ],
  CommentEdited: [[['owner: mentioned by inbox and mail'], ...task, said, by(viewer, mentionsChanged([editor], [editor, owner, viewer]))]],
  CommentDeleted: [
    [['viewer: comment_deleted by inbox'], ...task, said, { type: 'CommentDeleted', data: on }],
    [[], ...task, said, by(viewer, { type: 'CommentDeleted', data: on })],
  ],
  CommentRestored: [[['viewer: comment_restored by inbox'], ...task, said, { type: 'CommentRestored', data: on }]],
  FileAttached: [[['owner: file_attached by inbox'], ...task, by(editor, attached)]],
  FileDeleted: [
    [['editor: file_deleted by inbox'], ...task, by(editor, attached), fileDeleted],
    [[], ...task, attached, fileDeleted],
  ],
  FilesPurged: [[[], ...task, attached, { type: 'FilesPurged', data: { file_ids: [file_id] } }]],
};

test.each(Object.entries(ofTasks).flatMap(([type, cases]) => cases.map((one) => [type, one[0], one.slice(1)] as const)))(
  '%s tells %j',
  (type, expected, happenings) => {
    expect((happenings.at(-1) as Happening).type).toBe(type);
    expect(told(...(happenings as Happening[]))).toEqual(expected);
  },
);

const ofAccounts: { [T in UserEventType]: readonly string[] } = {
  UserRegistered: [],
  UserProfileChanged: [],
  UserEmailChanged: ['owner: email_changed by mail'],
  UserEmailVerified: [],
  UserPasswordChanged: ['owner: password_changed by mail'],
  UserRoleChanged: ['owner: role_changed by inbox'],
  UserDeactivated: [],
  UserReactivated: [],
  UserErasureRequested: [],
  UserErased: [],
  AccessTokenCreated: ['owner: access_token_created by mail'],
  AccessTokenRevoked: [],
  NotificationPreferencesChanged: [],
  WebhookCreated: ['owner: webhook_created by inbox and mail'],
  WebhookChanged: [],
  WebhookDeleted: [],
  WebhookDisabled: ['owner: webhook_disabled by inbox and mail'],
};

test.each(Object.entries(ofAccounts))("%s tells %j, and what concerns the account's security also whoever did it", (type, expected) => {
  const account = (actor: string): RecordedEvent => {
    const [event] = recorded([{ ...everyUserEvent[type as UserEventType], by: actor } as unknown as Happening]);
    return { ...event!, stream: `user-${owner}` };
  };
  expect(shown(noticesOf(account(admin), null))).toEqual(expected);
  expect(shown(noticesOf(account(owner), null))).toEqual(expected.filter((one) => one.endsWith(' mail')));
});

test.each([
  [{ url: { from: null, to: null } }, true],
  [{ active: { from: false, to: true } }, true],
  [{ active: { from: true, to: false } }, false],
  [{ description: { from: null, to: null } }, false],
])('a change of a webhook by %j notifies its owner: %j', (changes, isNotified) => {
  const data = { ...everyUserEvent.WebhookChanged.data, changes };
  const [event] = recorded([{ type: 'WebhookChanged', data, by: owner } as unknown as Happening]);
  const notices = shown(noticesOf({ ...event!, stream: `user-${owner}` }, null));
  expect(notices).toEqual(isNotified ? ['owner: webhook_changed by inbox and mail'] : []);
});
