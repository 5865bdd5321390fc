import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Route } from '../../src/api/route.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service?.stop());

const envelope = ['items', 'total', 'page', 'per_page', 'pages', 'next_cursor'];
const parameters = ['page', 'skip', 'cursor', 'per_page', 'limit', 'include_total'];

/** Of a success as JSON, its members. */
function membersOf({ answers }: Route): string[] {
  const answer = answers[200];
  const schema = answer instanceof z.ZodType ? answer : answer?.json;
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function parametersOf({ query }: Route): string[] {
  let schema: unknown = query;
  while (schema instanceof z.ZodPipe) schema = schema.in;
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

test('every collection has the envelope, and accepts every parameter of one', () => {
  const collections = service.routes.filter((route) => membersOf(route).includes('items'));
  expect(collections.length).toBeGreaterThan(15);
  for (const route of collections) {
    expect([route.path, membersOf(route)]).toEqual([route.path, expect.arrayContaining(envelope)]);
    expect([route.path, parametersOf(route)]).toEqual([route.path, expect.arrayContaining(parameters)]);
  }
});

test('every GET that returns an array of things with ids is a collection', () => {
  const isList = (schema: unknown) =>
    schema instanceof z.ZodArray && schema.element instanceof z.ZodObject && 'id' in (schema.element as z.ZodObject).shape;
  for (const { method, path, answers } of service.routes.filter(({ method, root }) => method === 'get' && !root)) {
    const answer = answers[200];
    const schema = answer instanceof z.ZodType ? answer : answer?.json;
    if (!(schema instanceof z.ZodObject) || path === '/events' || path === '/tasks/:task_id') continue;
    const lists = Object.entries(schema.shape)
      .filter(([, member]) => isList(member))
      .map(([name]) => name);
    expect([method, path, lists.filter((name) => name !== 'items')]).toEqual([method, path, []]);
  }
});
