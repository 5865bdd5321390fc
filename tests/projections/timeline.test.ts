import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { publicTypes } from '../../src/events/public-type.ts';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import { fieldChanges } from '../../src/events/task/changes.ts';
import { type TaskEvent, taskEvents } from '../../src/events/task/task-events.ts';
import type { EventTypeName } from '../../src/events/upcasters.ts';
import { userEvents } from '../../src/events/user/user-events.ts';
import { activity } from '../../src/projections/activity/activity.ts';
import { activitySummary } from '../../src/queries/activity/activity-summary.ts';
import { everyTaskEvent, everyUserEvent } from '../events/every-event.ts';
import { at, editor, owner, recorded } from '../support/happenings.ts';
import { type Bench, openBench } from './project.ts';

/** The action and the resource of every type of event; null for the one that has no place in the audit trail. */
const vocabulary: Record<EventTypeName, readonly [action: string, resource: string] | null> = {
  TaskCreated: ['created', 'task'],
  TaskEdited: ['updated', 'task'],
  TaskTagsChanged: ['updated', 'task'],
  TaskTransitioned: ['transitioned', 'task'],
  TaskAssigned: ['assigned', 'task'],
  TaskUnassigned: ['unassigned', 'task'],
  TaskShared: ['shared', 'task'],
  TaskSharePermissionChanged: ['share_changed', 'task'],
  TaskUnshared: ['unshared', 'task'],
  TaskTransferred: ['transferred', 'task'],
  TaskDeleted: ['deleted', 'task'],
  TaskRestored: ['restored', 'task'],
  CommentAdded: ['created', 'comment'],
  CommentEdited: ['updated', 'comment'],
  CommentDeleted: ['deleted', 'comment'],
  CommentRestored: ['restored', 'comment'],
  FileAttached: ['uploaded', 'file'],
  FileDeleted: ['deleted', 'file'],
  FilesPurged: ['purged', 'file'],
  UserRegistered: ['created', 'user'],
  UserProfileChanged: ['updated', 'user'],
  UserEmailChanged: ['updated', 'user'],
  UserEmailVerified: ['verified', 'user'],
  UserPasswordChanged: ['password_changed', 'user'],
  UserRoleChanged: ['role_changed', 'user'],
  UserDeactivated: ['deactivated', 'user'],
  UserReactivated: ['reactivated', 'user'],
  UserErasureRequested: null,
  UserErased: ['erased', 'user'],
  AccessTokenCreated: ['token_created', 'user'],
  AccessTokenRevoked: ['token_revoked', 'user'],
  NotificationPreferencesChanged: ['updated', 'user'],
  WebhookCreated: ['created', 'user'],
  WebhookChanged: ['updated', 'user'],
  WebhookDeleted: ['deleted', 'user'],
  WebhookDisabled: ['disabled', 'user'],
};
const types = Object.keys({ ...taskEvents, ...userEvents }) as EventTypeName[];

let bench: Bench;
let rows: Record<string, unknown>[];

beforeAll(async () => {
  bench = await openBench();
  const onTask = recorded(Object.values(everyTaskEvent).map((event) => ({ ...event, by: editor })));
  const onUser = recorded(Object.values(everyUserEvent) as never[], { position: 1000n }).map((event) => ({
    ...event,
    stream: `user-${owner}`,
  }));
  rows = (await bench.project(activity, [...onTask, ...onUser] as RecordedEvent[])).activity!;
});
afterAll(() => bench?.close());

test('every type of event that there is has its place here, in the outside vocabulary, and an example', () => {
  expect(Object.keys(vocabulary).sort()).toEqual([...types].sort());
  expect(Object.keys(publicTypes).sort()).toEqual([...types].sort());
  expect(Object.keys({ ...everyTaskEvent, ...everyUserEvent }).sort()).toEqual([...types].sort());
});

test.each(types)('%s is told with its action, who did it, when, in which request, and a sentence', (type) => {
  const told = rows.filter(({ event_type }) => event_type === type);
  const entry = vocabulary[type];
  expect(told.map(({ action, resource_type }) => [action, resource_type])).toEqual(entry ? [entry] : []);
  if (!told[0]) return;
  const [ofTask, revision] = [type in taskEvents, Object.keys(type in taskEvents ? everyTaskEvent : everyUserEvent).indexOf(type)];
  expect(told[0]).toMatchObject({ actor_id: ofTask ? editor : owner, actor_kind: 'user', request_id: 'spec', revision });
  expect(new Date(`${told[0].occurred_at}`).toISOString()).toBe(at(revision));
  expect(activitySummary(type, told[0].details as Record<string, unknown>)).not.toBe('Something happened');
});

const changing = (Object.values(everyTaskEvent) as TaskEvent[]).filter(
  ({ type }) => type !== 'TaskCreated' && vocabulary[type]![1] === 'task' && !['TaskDeleted', 'TaskRestored'].includes(type),
);
test.each(changing.map((event) => [event.type, event] as const))('%s tells the fields with their old and new values', (type, event) => {
  const { details } = rows.find(({ event_type }) => event_type === type) as { details: Record<string, unknown> };
  const changes = fieldChanges(event);
  expect(changes.length).toBeGreaterThan(0);
  expect(details).toMatchObject({
    changed_fields: changes.map(({ field }) => field),
    old_values: Object.fromEntries(changes.map(({ field, from }) => [field, from])),
    new_values: Object.fromEntries(changes.map(({ field, to }) => [field, to])),
  });
});
