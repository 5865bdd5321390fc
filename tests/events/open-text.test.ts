import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { requestIdForm } from '../../src/api/api-request.ts';
import { authorText, fromTo, nextVersion, taskList, taskText, v1 } from '../../src/events/event-type.ts';
import type { EventMetadata } from '../../src/events/metadata.ts';
import { openText } from '../../src/events/open-text.ts';
import { Id, Tags, Title } from '../../src/events/values.ts';

/** Why each member of the metadata is in clear: a new one without a reason does not compile. */
const openMetadata = {
  event_id: 'an id',
  schema_version: 'a number',
  occurred_at: 'a time',
  actor: 'an id and a kind',
  token_id: 'an id',
  session_id: 'an id',
  operation_id: 'an id',
  causation_id: 'an id',
  request_id: 'chosen by the caller, without space for sentences, so that a client finds its request in every log',
  command_id: 'an id',
  body_hmac: 'a keyed digest',
  undo_of: 'revisions',
  key_ids: 'ids',
  hash: 'a digest',
} satisfies Record<keyof EventMetadata, string>;

describe('a member of an event that can hold text', () => {
  const define = (member: z.ZodType) => () => v1(z.strictObject({ id: Id, member }));
  const refusal = /The member member.* of an event can hold a user's text/;

  test.each([
    ['text', Title],
    ['text that may be absent', Title.optional()],
    ['text that may be null', Title.nullable()],
    ['a list of texts', Tags],
    ['a change of text', fromTo(Title)],
    ['a map', z.record(z.string(), z.boolean())],
    ['any JSON', z.json()],
    ['text or a number', z.union([z.number(), Title])],
  ])('is refused where it is %s that is neither sealed nor given a reason', (_, member) => {
    expect(define(member)).toThrow(refusal);
    expect(() => nextVersion(v1(z.strictObject({ id: Id })), { vocabulary: 2, data: z.strictObject({ id: Id, member }) } as never)).toThrow(
      refusal,
    );
  });

  test('is accepted where it is sealed, closed, or open for a reason', () => {
    for (const member of [taskText(Title), authorText(fromTo(Title)).optional(), taskList(Tags), fromTo(taskList(Tags)), Id, z.enum(['a'])])
      expect(define(member)).not.toThrow();
    expect(define(z.array(openText(z.string(), 'a name from a closed list')))).not.toThrow();
  });
});

test('the one member of the metadata that a caller chooses has a form without spaces', () => {
  expect(Object.keys(openMetadata)).toContain('request_id');
  expect(requestIdForm.test('a sentence about a person')).toBe(false);
});
