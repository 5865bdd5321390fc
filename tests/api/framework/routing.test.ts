import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Route, route } from '../../../src/api/route.ts';
import { exchange, type Serving, serving } from './serving.ts';

const anyJson = z.unknown();
const common = { tag: 'Things', summary: 'A thing', needs: 'open', answers: { 200: anyJson }, rejects: [] } as const;
const id = '01900000-0000-7000-8000-00000000000a';

const saying = (method: Route['method'], path: string, name: string): Route =>
  route({ ...common, method, path, handle: () => ({ status: 200, body: name }) });

const taking = (schemas: Pick<Route, 'body' | 'query'>, path = '/a', method: Route['method'] = 'post'): Route =>
  route({ ...common, ...schemas, method, path, params: z.strictObject({}), handle: () => ({ status: 200 }) } as unknown as Parameters<
    typeof route
  >[0]);

const routes: Route[] = [
  route({
    ...common,
    method: 'get',
    path: '/things/:thing_id',
    params: z.strictObject({ thing_id: z.string() }),
    absent: 'TASK_NOT_FOUND',
    handle: ({ params }) => ({ status: 200, body: params.thing_id }),
  }),
  saying('get', '/things', 'list'),
  saying('post', '/things', 'create'),
  saying('get', '/things/stats', 'stats'),
  route({
    ...common,
    method: 'delete',
    path: '/things/:thing_id/tags/:tag',
    params: z.strictObject({ thing_id: z.string(), tag: z.string().max(10) }),
    absent: 'TASK_NOT_FOUND',
    handle: ({ params }) => ({ status: 200, body: params }),
  }),
  route({ ...common, method: 'get', path: '/alive', root: true, handle: () => ({ status: 200, body: 'yes' }) }),
  route({ ...common, method: 'get', path: '/closed', needs: { scope: null }, handle: () => ({ status: 200, body: 'yes' }) }),
];

let served: Serving;
beforeAll(async () => {
  served = await serving(routes);
});
afterAll(() => served.stop());

describe('a request finds its route', () => {
  test('by method and path, below the base path or at the root', async () => {
    expect((await served.ask('GET', '/api/v1/things')).json).toBe('list');
    expect((await served.ask('POST', '/api/v1/things')).json).toBe('create');
    expect((await served.ask('GET', '/alive')).json).toBe('yes');
    expect((await served.ask('GET', '/api/v1/alive')).status).toBe(404);
  });

  test('where a static path wins over a parameter that was declared before it', async () => {
    expect((await served.ask('GET', '/api/v1/things/stats')).json).toBe('stats');
    expect((await served.ask('GET', `/api/v1/things/${id}`)).json).toBe(id);
  });

  test('with one slash at its end, and with what it has encoded', async () => {
    expect((await served.ask('GET', '/api/v1/things/')).json).toBe('list');
    expect((await served.ask('GET', '/api/v1/th%69ngs/stats')).json).toBe('stats');
    expect((await served.ask('DELETE', `/api/v1/things/${id}/tags/a%2Fb%20%C3%A9`)).json).toEqual({ thing_id: id, tag: 'a/b é' });
  });

  test('when a proxy sends the whole address', async () => {
    const answer = await exchange(
      served.port,
      'GET http://other.example/api/v1/things/stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('what is not served', () => {
  test.each(['/', '/api', '/api/v1', '/api/v1/', '/api/v1/nothing', '/api/v1/things//tags/x', '/API/V1/things', '//things'])(
    'is absent at %s, with or without a token',
    async (path) => {
      for (const headers of [{}, { Authorization: 'Bearer user' }, { Authorization: 'Bearer wrong' }] as Record<string, string>[]) {
        const { status, json } = await served.ask('GET', path, { headers });
        expect([status, json.error.code]).toEqual([404, 'ROUTE_NOT_FOUND']);
      }
    },
  );

  test('is not allowed by another method, and the answer says which are', async () => {
    const answer = await served.ask('DELETE', '/api/v1/things');
    expect([answer.status, answer.json.error.code, answer.headers.allow]).toEqual([405, 'METHOD_NOT_ALLOWED', 'GET, HEAD, POST, OPTIONS']);
    expect((await served.ask('POST', '/api/v1/closed')).status).toBe(405);
    expect((await served.ask('POST', '/api/v1/things/stats')).headers.allow).toBe('GET, HEAD, OPTIONS');
  });
});

describe('HEAD and OPTIONS', () => {
  test('HEAD answers every GET with its headers alone', async () => {
    const [get, head] = [await served.ask('GET', '/api/v1/things'), await served.ask('HEAD', '/api/v1/things')];
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', get.headers['content-length']]);
    expect((await served.ask('HEAD', '/api/v1/nothing')).status).toBe(404);
  });

  test('OPTIONS tells what a path takes', async () => {
    const answer = await served.ask('OPTIONS', '/api/v1/things');
    expect([answer.status, answer.headers.allow, answer.text]).toEqual([204, 'GET, HEAD, POST, OPTIONS', '']);
    expect((await served.ask('OPTIONS', '/api/v1/nothing')).status).toBe(404);
  });
});

describe('a path that cannot be meant so', () => {
  test.each(['nonsense', `${id}0`, id.replaceAll('-', ''), '%00', `${id}%00`])('names nothing when its id is %s', async (given) => {
    const { status, json } = await served.ask('GET', `/api/v1/things/${given}`);
    expect([status, json.error.code]).toEqual([404, 'TASK_NOT_FOUND']);
  });

  test('is refused by name when another part is wrong', async () => {
    const { status, json } = await served.ask('DELETE', `/api/v1/things/${id}/tags/a%00b`);
    expect([status, json.error.details]).toEqual([422, [expect.objectContaining({ path: 'path.tag', code: 'format' })]]);
    const long = await served.ask('DELETE', `/api/v1/things/${id}/tags/elevenchars`);
    expect(long.json.error.details).toEqual([{ path: 'path.tag', message: 'must have at most 10 characters', code: 'too_long' }]);
  });

  test.each(['/api/v1/things/%', '/api/v1/things/%E0%A4%A', '/api/v1/things/%ED%A0%80', '/api/v1/things?a=%ff'])(
    'is malformed as %s',
    async (path) => {
      const { status, json } = await served.ask('GET', path);
      expect([status, json.error.code]).toEqual([400, 'MALFORMED_REQUEST']);
    },
  );

  test('is too long beyond 8192 characters', async () => {
    const { status, json } = await served.ask('GET', `/api/v1/things?search=${'x'.repeat(8192)}`);
    expect([status, json.error.code]).toEqual([414, 'URI_TOO_LONG']);
  });
});

describe('a table that cannot be meant so does not start', () => {
  test.each([
    ['two routes of the same method and path', [saying('get', '/a', '1'), saying('get', '/a', '2')]],
    ['a parameter without a schema', [saying('get', '/a/:b', '1')]],
    ['the same parameter under two names', [taking({}, '/a/:b'), taking({}, '/a/:c', 'delete')]],
    ['a body that passes over unknown keys', [taking({ body: z.object({ a: z.string() }) })]],
    ['a query that does, somewhere inside', [taking({ query: z.strictObject({ a: z.array(z.object({ b: z.string() })) }) })]],
  ])('%s', async (_, wrong) => {
    await expect(serving(wrong)).rejects.toThrow();
  });
});
