import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Route, route } from '../../../src/api/route.ts';
import { Status, Title, text } from '../../../src/events/values.ts';
import { type Serving, serving } from './serving.ts';

const common = { tag: 'Things', summary: 'A thing', needs: 'open', answers: { 200: z.unknown() }, rejects: [] } as const;

const Thing = z.strictObject({
  title: Title.optional(),
  count: z.int().min(2).max(9).optional(),
  ratio: z.number().optional(),
  status: Status.optional(),
  due: z.iso.date().optional(),
  tags: z.array(text(5)).max(2).optional(),
  nested: z.strictObject({ a: z.boolean() }).optional(),
  facts: z.record(z.string(), z.unknown()).optional(),
  names: z.union([z.array(z.string()), z.strictObject({ names: z.array(z.string()) })]).optional(),
  kind: z.discriminatedUnion('type', [z.strictObject({ type: z.literal('x') }), z.strictObject({ type: z.literal('y') })]).optional(),
});

const pair = { error: 'only one of both', path: ['skip'], params: { code: 'conflicts_with' } };

const routes: Route[] = [
  route({ ...common, method: 'post', path: '/things', body: Thing, handle: ({ body }) => ({ status: 200, body }) }),
  route({ ...common, method: 'post', path: '/lists', body: z.array(z.string()), handle: ({ body }) => ({ status: 200, body }) }),
  route({ ...common, method: 'post', path: '/restore', handle: () => ({ status: 200, body: 'done' }) }),
  route({
    ...common,
    method: 'get',
    path: '/things',
    query: z
      .strictObject({ page: z.coerce.number().int().min(1).optional(), skip: z.string().optional(), search: z.string().min(1).optional() })
      .refine(({ page, skip }) => page === undefined || skip === undefined, pair),
    handle: ({ query }) => ({ status: 200, body: query }),
  }),
  route({ ...common, method: 'get', path: '/plain', handle: () => ({ status: 200, body: 'done' }) }),
  route({
    ...common,
    method: 'patch',
    path: '/things/:thing_id',
    params: z.strictObject({ thing_id: z.string() }),
    query: z.strictObject({ dry: z.stringbool().optional() }),
    body: z.strictObject({ title: Title }),
    obeys: ['If-Match', 'Idempotency-Key', 'Tasktrail-Position', 'If-None-Match', 'Prefer'],
    handle: () => ({ status: 200, body: 'done' }),
  }),
];

let served: Serving;
beforeAll(async () => {
  served = await serving(routes);
});
afterAll(() => served.stop());

/** What is wrong with it, as `path code`; nothing when it is taken. */
const faults = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<string[]> => {
  const { status, json } = await served.ask(method, `/api/v1${path}`, { body, headers });
  if (status === 200) return [];
  expect([status, json.error.code]).toEqual([422, 'VALIDATION_FAILED']);
  return json.error.details.map(({ path, code }: { path: string; code: string }) => `${path} ${code}`);
};

describe('a body is held against its schema', () => {
  test.each<[string, unknown, string[]]>([
    ['what is right is taken', { title: 'x', count: 2, tags: ['a'], names: ['n'], kind: { type: 'x' } }, []],
    ['the wrong type', { title: 1, nested: [], tags: {}, count: 'x' }, ['title type', 'count type', 'tags type', 'nested type']],
    ['a fraction for a whole number', { count: 2.5 }, ['count type']],
    ['too short and too long', { title: '', tags: ['abcdef'] }, ['title too_short', 'tags.0 too_long']],
    ['too many items', { tags: ['a', 'b', 'c'] }, ['tags too_long']],
    ['too small and too big', { count: 1, ratio: 1 }, ['count too_small']],
    ['a value beyond the largest', { count: 10 }, ['count too_big']],
    ['the wrong format', { due: '2026-02-30' }, ['due format']],
    ['none of the values', { status: 'doing' }, ['status not_one_of']],
    ['a missing part', { nested: {} }, ['nested.a required']],
    ['unknown keys, one entry each', { titel: 'x', nested: { a: true, b: 1 } }, ['nested.b unknown_key', 'titel unknown_key']],
    ['no form of several, of the one that was meant', { names: { names: ['a', 2] } }, ['names.names.1 type']],
    ['no form of several at all', { names: 5 }, ['names type']],
    ['no kind of several', { kind: { type: 'z' } }, ['kind.type not_one_of']],
    ['no kind at all', { kind: {} }, ['kind.type required']],
    ['no object', [], [' type']],
    ['nothing but null', null, [' type']],
    ['a number that is none', '{"ratio":1e999}', ['ratio type']],
  ])('%s', async (_, body, expected) => {
    const headers = typeof body === 'string' || body === null ? { 'Content-Type': 'application/json' } : {};
    expect(await faults('POST', '/things', body === null ? 'null' : body, headers as Record<string, string>)).toEqual(expected);
  });

  test('an absent body is an empty one', async () => {
    expect(await faults('POST', '/things')).toEqual([]);
    expect(await faults('PATCH', '/things/1')).toEqual(['title required']);
    expect(await faults('POST', '/lists')).toEqual([' type']);
  });

  test('a route without a body takes none, or an empty object', async () => {
    expect(await faults('POST', '/restore')).toEqual([]);
    expect(await faults('POST', '/restore', {})).toEqual([]);
    expect(await faults('POST', '/restore', { now: true })).toEqual(['now unknown_key']);
  });

  test('each fault says in words what is wanted, and never what was sent', async () => {
    const { json, text } = await served.ask('POST', '/api/v1/things', { body: { title: 7, status: 'sesame', secret: 'sesame' } });
    expect(json.error).toMatchObject({
      message: 'The request is not valid',
      details: [
        { path: 'title', message: 'must be text' },
        { path: 'status', message: 'must be one of todo, in_progress, in_review, blocked, done, cancelled' },
        { path: 'secret', message: 'is not a known key' },
      ],
    });
    expect(text).not.toContain('sesame');
  });

  test('a body full of mistakes makes no answer larger than itself', async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`${'k'.repeat(95)}${i}`, 1]));
    const answer = await served.ask('POST', '/api/v1/things', { body: many });
    expect(answer.json.error.details).toHaveLength(1000);
  });
});

describe('what no schema may let pass', () => {
  const json = { 'Content-Type': 'application/json' };

  test.each([
    ['{"__proto__":{"isAdmin":true}}', ['__proto__ unknown_key']],
    ['{"constructor":{"prototype":{}}}', ['constructor unknown_key']],
    ['{"\\u005f_proto__":1}', ['__proto__ unknown_key']],
    ['{"nested":{"a":true,"__proto__":1}}', ['nested.__proto__ unknown_key']],
    ['{"facts":{"__proto__":1}}', ['facts.__proto__ unknown_key']],
    ['{"facts":{"deep":[{"__proto__":1}]}}', ['facts.deep.0.__proto__ unknown_key']],
    ['{"toString":1,"hasOwnProperty":2}', ['toString unknown_key', 'hasOwnProperty unknown_key']],
  ])('a key that reaches for a prototype: %s', async (body, expected) => {
    expect(await faults('POST', '/things', body, json)).toEqual(expected);
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
  });

  test.each([
    ['{"title":"a\\u0000b"}', ['title format']],
    ['{"title":"\\ud800"}', ['title format']],
    ['{"tags":["ok","\\udc00x"]}', ['tags.1 format']],
    ['{"facts":{"deep":["\\u0000"]}}', ['facts.deep.0 format']],
    ['{"facts":{"a\\u0000":1}}', ['facts.a\u0000 unknown_key']],
    ['{"title":"\\ud83d\\ude00 \\u00e9"}', []],
  ])('text that nothing can store: %s', async (body, expected) => {
    expect(await faults('POST', '/things', body, json)).toEqual(expected);
  });
});

describe('a query is held against its schema', () => {
  test.each([
    ['?page=2&search=a+b%20c', []],
    ['', []],
    ['?', []],
    ['?page=two', ['query.page type']],
    ['?page=0', ['query.page too_small']],
    ['?search=', ['query.search too_short']],
    ['?pagee=2&constructor=1', ['query.pagee unknown_key', 'query.constructor unknown_key']],
    ['?page=1&page=2', ['query.page duplicate']],
    ['?page=1&skip=2', ['query.skip conflicts_with']],
    ['?search=%00', ['query.search format']],
    ['?__proto__=1', ['query.__proto__ unknown_key']],
  ])('%s', async (query, expected) => {
    expect(await faults('GET', `/things${query}`)).toEqual(expected);
  });

  test('a route without one takes none', async () => {
    expect(await faults('GET', '/plain?debug=1')).toEqual(['query.debug unknown_key']);
  });

  test('as it was decoded', async () => {
    expect((await served.ask('GET', '/api/v1/things?search=a+b%2B%26')).json).toEqual({ search: 'a b+&' });
  });
});

describe('headers that a route obeys', () => {
  test.each([
    [{ 'If-Match': '"3"' }, []],
    [{ 'If-Match': '*' }, []],
    [{ 'If-Match': 'W/"3"' }, []],
    [{ 'If-Match': '3' }, ['header.if-match format']],
    [{ 'If-Match': '"3", "4"' }, ['header.if-match format']],
    [{ 'Idempotency-Key': 'a key' }, ['header.idempotency-key format']],
    [{ 'Idempotency-Key': 'k'.repeat(129) }, ['header.idempotency-key format']],
    [{ 'Tasktrail-Position': '-1' }, ['header.tasktrail-position format']],
    [{ 'If-None-Match': 'whatever' }, ['header.if-none-match format']],
    [{ 'If-None-Match': '"1", W/"2"', Prefer: 'whatever' }, []],
  ])('%j', async (headers, expected) => {
    expect(await faults('PATCH', '/things/1', { title: 'x' }, headers as unknown as Record<string, string>)).toEqual(expected);
  });
});

test('all that is wrong anywhere in a request is told at once', async () => {
  const wrong = await faults('PATCH', '/things/a%00?dry=perhaps&wet=1', { title: '', x: 1 }, { 'If-Match': 'x', 'Idempotency-Key': 'é' });
  expect(wrong.sort()).toEqual(
    [
      'path.thing_id format',
      'query.dry not_one_of',
      'query.wet unknown_key',
      'title too_short',
      'x unknown_key',
      'header.if-match format',
      'header.idempotency-key format',
    ].sort(),
  );
});
