import { describe, expect, test } from '@jest/globals';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import type { TaskEvent } from '../../src/events/task/task-events.ts';
import { allEventTypes, type EventTypeName } from '../../src/events/upcasters.ts';
import { accessLost, cloudEvent, withoutPersonalMembers } from '../../src/subscribers/cloud-event.ts';
import { eventCatalogue } from '../../src/subscribers/event-catalogue.ts';
import { typesMatching } from '../../src/subscribers/event-types.ts';
import { everyTaskEvent, everyUserEvent } from '../events/every-event.ts';
import { recorded, taskId } from '../support/happenings.ts';

const logId = '6f0c2a4e-52c1-4b8e-9a3d-1f1b2c3d4e5f';
const task = { title: 'Water the plants', status: 'todo' } as const;

function given(event: object, more: { redacted?: string[]; metadata?: object } = {}): RecordedEvent {
  const [made] = recorded([event as never]);
  return { ...made!, redacted: more.redacted ?? [], metadata: { ...made!.metadata, ...more.metadata } };
}

describe('a CloudEvent', () => {
  test('has attributes of the kinds that CloudEvents allows, whatever the event', () => {
    for (const event of Object.values({ ...everyTaskEvent, ...everyUserEvent })) {
      const { data, ...attributes } = cloudEvent(given(event), { logId, task });
      for (const [name, value] of Object.entries(attributes)) {
        expect(name).toMatch(/^[a-z0-9]{1,20}$/);
        expect(['string', 'number']).toContain(typeof value);
      }
      expect(data).toMatchObject(event.data);
    }
  });

  test('tells what caused it, what it takes back, and what it may not show', () => {
    const metadata = { actor: { id: logId, kind: 'system' }, causation_id: 'c1', undo_of: [3, 5] };
    const event = cloudEvent(
      given(
        { ...everyTaskEvent.CommentAdded, data: { ...everyTaskEvent.CommentAdded.data, content: null } },
        { redacted: ['/content'], metadata },
      ),
      {
        logId,
        task: { ...task, title: null },
      },
    );
    expect(event).toMatchObject({ authtype: 'system', causationid: 'c1', undoof: '3,5', redacted: '/content,/task/title' });
    expect(event).not.toHaveProperty('tokenid');
  });

  test('for whom it takes the access from has ids only', () => {
    const event = given(everyTaskEvent.TaskDeleted, { metadata: { token_id: 't', undo_of: [1], causation_id: 'c' } });
    const told = accessLost(event, logId);
    expect(told.data).toEqual({ task: { id: taskId } });
    expect(told.subject).toBe(`tasks/${taskId}`);
    for (const name of ['requestid', 'tokenid', 'causationid', 'undoof', 'redacted']) expect(told).not.toHaveProperty(name);
  });

  test.each([
    ['CommentAdded', ['content']],
    ['CommentEdited', ['content']],
    ['TaskTransitioned', ['comment']],
    ['FileAttached', ['name']],
    ['TaskCreated', ['description', 'tags']],
  ] as const)('of %s is published without what people wrote or named', (type, members) => {
    const whole = cloudEvent(given(everyTaskEvent[type]), { logId, task });
    const published = withoutPersonalMembers(type, whole);
    for (const member of members) expect([whole.data[member] ?? null, published.data[member]]).toEqual([expect.anything(), null]);
    expect(published.redacted).toBe(members.map((member) => `/${member}`).join(','));
    expect(published).toEqual({
      ...whole,
      redacted: published.redacted,
      data: { ...whole.data, ...Object.fromEntries(members.map((member) => [member, null])) },
    });
    expect(withoutPersonalMembers(type, published)).toEqual(published);
  });

  test('is published without text of tasks within other members, and with titles', () => {
    const published = (event: TaskEvent) => withoutPersonalMembers(event.type, cloudEvent(given(event), { logId, task }));
    const { changes } = everyTaskEvent.TaskEdited.data;
    expect(published(everyTaskEvent.TaskEdited)).toMatchObject({
      data: { changes: { ...changes, description: null } },
      redacted: '/changes/description',
    });
    expect(published(everyTaskEvent.TaskTagsChanged)).toMatchObject({
      data: { tags: { from: null, to: null } },
      redacted: '/tags/from,/tags/to',
    });
    const { last } = everyTaskEvent.TaskDeleted.data;
    expect(published(everyTaskEvent.TaskDeleted)).toMatchObject({ data: { last: { ...last, tags: null } }, redacted: '/last/tags' });
  });

  test('without such members is published whole', () => {
    const whole = cloudEvent(given(everyTaskEvent.TaskShared), { logId, task });
    expect(withoutPersonalMembers('TaskShared', whole)).toEqual(whole);
  });
});

test('the examples of the catalogue are what the events allow', () => {
  for (const [type, { example }] of Object.entries(eventCatalogue)) {
    expect(allEventTypes[type as EventTypeName].data.parse(example)).toEqual(example);
  }
  expect(Object.keys(eventCatalogue).sort()).toEqual(Object.keys(allEventTypes).sort());
});

describe('a filter of types', () => {
  test.each([
    ['task.transitioned', ['TaskTransitioned']],
    ['comment.*', ['CommentAdded', 'CommentEdited', 'CommentDeleted', 'CommentRestored']],
    ['file.purged,task.created', ['TaskCreated', 'FilesPurged']],
  ])('%s stands for these', (text, types) => {
    expect(typesMatching(text.split(','))).toEqual(types);
  });

  test('* stands for everything but what happens to accounts', () => {
    expect(typesMatching(['*']).sort()).toEqual(Object.keys(everyTaskEvent).sort());
    expect(typesMatching(['*', 'user.*']).sort()).toEqual(Object.keys(allEventTypes).sort());
  });
});
