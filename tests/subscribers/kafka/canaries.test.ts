import { describe, expect, test } from '@jest/globals';
import { allEventTypes } from '../../../src/events/upcasters.ts';
import { runWithout } from '../../support/run-weakened.ts';
import { textsInMessages } from './canaries.ts';

/** Texts that the service chose, or that come from a list that the service knows: no user wrote them. */
const closed = [
  'AccessTokenCreated.scopes',
  'FileAttached.blob_key',
  'FileAttached.content_type',
  'FileAttached.sha256',
  'FileDeleted.blob_key',
  'NotificationPreferencesChanged.changes.*.from',
  'NotificationPreferencesChanged.changes.*.to',
  'WebhookChanged.changes.*.from',
  'WebhookChanged.changes.*.to',
  'WebhookCreated.types',
  'WebhookDisabled.reason',
];
const titles = ['TaskCreated.title', 'TaskEdited.changes.title.from', 'TaskEdited.changes.title.to', 'task.title'];
const unexpected = (texts: readonly string[]) => [...new Set(texts)].filter((text) => !closed.includes(text) && !titles.includes(text));

describe('the messages of the topic', () => {
  test('hold no text of a user but the titles of tasks, whatever the event type', () => {
    const texts = textsInMessages();
    expect(unexpected(texts)).toEqual([]);
    expect([...new Set(texts)].sort()).toEqual([...closed, ...titles].sort());
    expect(Object.keys(allEventTypes).length).toBeGreaterThan(30);
  });

  test.each([
    [
      'text of tasks stays out of the topic',
      ['TaskCreated.description', 'TaskTransitioned.comment', 'FileAttached.name', 'TaskDeleted.last.tags'],
    ],
    ['text of authors stays out of the topic', ['CommentAdded.content', 'CommentEdited.content.from']],
  ])('hold more without this: %s', async (defence, members) => {
    const texts = await runWithout<string[]>(defence, 'subscribers/kafka/print-texts.ts');
    expect(unexpected(texts)).toEqual(expect.arrayContaining(members));
  });
});
