import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { asyncApiDocument } from '../../../src/api/asyncapi/document.ts';
import { publicTypes } from '../../../src/events/public-type.ts';
import type { EventTypeName } from '../../../src/events/upcasters.ts';
import { exampleEvent } from '../../../src/subscribers/example-event.ts';

const require = createRequire(import.meta.url);
// biome-ignore lint/suspicious/noExplicitAny: a document is looked into freely
const document = asyncApiDocument({ version: '1.0.0' }) as any;
const ajv = addFormats.default(new Ajv({ strict: false, allErrors: true }));

describe('the AsyncAPI document', () => {
  test('is one, by the schema of AsyncAPI 3', () => {
    const validate = ajv.compile(require('@asyncapi/specs/schemas/3.0.0-without-$id.json'));
    validate(document);
    expect(validate.errors).toBeNull();
    expect(validate({ ...document, operations: { one: { action: 'shout' } } })).toBe(false);
  });

  test('refers to nothing that it has not', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!.split('/'));
    expect(refs.length).toBeGreaterThan(100);
    for (const path of refs) expect([path, path.reduce((value, key) => value?.[key], document)]).toEqual([path, expect.anything()]);
  });

  test('has a message for every type, on every channel', () => {
    const names = Object.keys(publicTypes).sort();
    expect(Object.keys(document.channels).sort()).toEqual(['stream', 'topic', 'webhook']);
    for (const channel of Object.values<{ messages: object }>(document.channels))
      expect(Object.keys(channel.messages).sort()).toEqual(names);
    expect(document.channels.topic.address).toBe('tasktrail.events');
  });

  test('describes events as they are told, and no others', () => {
    const withDocument = ajv.addSchema(document, 'document');
    for (const name of Object.keys(publicTypes) as EventTypeName[]) {
      const validate = withDocument.compile({ $ref: `document#/components/messages/${name}/payload` });
      const event = exampleEvent(name);
      expect([name, validate(event), validate.errors]).toEqual([name, true, null]);
      expect(validate({ ...event, type: 'tasktrail.task.renamed.v1' })).toBe(false);
      expect(validate({ ...event, position: 12 })).toBe(false);
    }
    const lost = withDocument.getSchema('document#/components/messages/TaskUnshared/payload')!;
    expect(lost({ ...exampleEvent('TaskUnshared'), data: { task: { id: exampleEvent('TaskUnshared').authid } } })).toBe(true);
  });
});
