import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { JsonText, type RequestContext, type Route, route } from '../../../src/api/route.ts';
import { type Serving, serving } from './serving.ts';

const common = { tag: 'Things', summary: 'A thing', needs: 'open', answers: { 200: z.unknown() }, rejects: [] } as const;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const large = { text: 'abc '.repeat(1000) };
let seen: RequestContext[] = [];

const csv = async function* () {
  yield 'a,b\n';
  yield '1,2\n';
};

const routes: Route[] = [
  route({
    ...common,
    method: 'get',
    path: '/things',
    handle: ({ request }) => {
      seen.push(request);
      return { status: 200, body: { ip: request.ip, path: request.path } };
    },
  }),
  route({
    ...common,
    method: 'post',
    path: '/things',
    handle: ({ request }) => {
      seen.push(request);
      return { status: 201, headers: { Location: '/api/v1/things/1' } };
    },
  }),
  route({ ...common, method: 'delete', path: '/things', handle: () => ({ status: 204 }) }),
  route({ ...common, method: 'get', path: '/large', handle: () => ({ status: 200, body: large }) }),
  route({ ...common, method: 'get', path: '/text', handle: () => ({ status: 200, body: new JsonText('{"made":"elsewhere"}') }) }),
  route({
    ...common,
    method: 'get',
    path: '/page',
    answers: { 200: { contentTypes: ['text/html'] } },
    handle: () => ({
      status: 200,
      headers: { 'cache-control': 'public', 'Content-Security-Policy': "script-src 'self'" },
      content: { contentType: 'text/html; charset=utf-8', content: '<p>é</p>' },
    }),
  }),
  route({
    ...common,
    method: 'get',
    path: '/list',
    answers: { 200: { contentTypes: ['text/csv'], json: z.unknown() } },
    handle: () => ({ status: 200, stream: { contentType: 'text/csv; charset=utf-8', chunks: csv() } }),
  }),
  route({ ...common, method: 'get', path: '/unchanged', handle: () => ({ status: 304, headers: { ETag: '"1"' } }) }),
];

let served: Serving;
beforeAll(async () => {
  served = await serving(routes, { corsOrigins: ['https://app.example'] });
});
afterAll(() => served.stop());
const get = (path: string, headers: Record<string, string> = {}) => served.ask('GET', `/api/v1${path}`, { headers });

describe('the id of a request', () => {
  test.each(['mine', 'A-z_0.9', 'x'.repeat(128)])('is the caller’s when it is well formed: %s', async (id) => {
    seen = [];
    expect((await get('/things', { 'X-Request-ID': id })).headers['x-request-id']).toBe(id);
    expect(seen[0]?.requestId).toBe(id);
  });

  test.each(['', 'a b', 'é', 'x'.repeat(129), 'a,b', '{{7*7}}'])('is a new UUID when it is not: %s', async (id) => {
    expect((await get('/things', { 'X-Request-ID': id })).headers['x-request-id']).toMatch(uuid);
  });

  test('is on every answer, errors included', async () => {
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['PUT', '/things'],
      ['GET', '/things?x=1'],
      ['OPTIONS', '/things'],
      ['HEAD', '/things'],
    ]) {
      expect((await served.ask(method!, `/api/v1${path}`)).headers['x-request-id']).toMatch(uuid);
    }
  });
});

test('the answer to a command names its operation, also when it is refused; that to a question does not', async () => {
  seen = [];
  const done = await served.ask('POST', '/api/v1/things');
  expect(done.headers['tasktrail-operation']).toMatch(uuid);
  expect(seen[0]?.operationId).toBe(done.headers['tasktrail-operation']);
  expect((await served.ask('POST', '/api/v1/things', { body: { x: 1 } })).headers['tasktrail-operation']).toMatch(uuid);
  expect((await get('/things')).headers['tasktrail-operation']).toBeUndefined();
});

describe('the headers of an answer', () => {
  test('keep it from shared caches, and the browser from guessing', async () => {
    const { headers } = await get('/things');
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'private, no-cache',
      vary: 'Authorization, Accept, Origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'strict-transport-security': expect.any(String),
    });
    expect(headers['x-powered-by']).toBeUndefined();
    expect((await get('/nothing')).headers).toMatchObject({ 'cache-control': 'private, no-cache', 'x-content-type-options': 'nosniff' });
  });

  test('are the route’s where it has its own, each once', async () => {
    const answer = await get('/page');
    expect(answer.headers).toMatchObject({ 'cache-control': 'public', 'content-security-policy': "script-src 'self'" });
    expect([answer.text, answer.headers['content-length']]).toEqual(['<p>é</p>', '9']);
  });

  test('tell the length of what is there, and none where nothing can be', async () => {
    const created = await served.ask('POST', '/api/v1/things');
    expect([created.status, created.text, created.headers['content-length'], created.headers['content-type']]).toEqual([
      201,
      '',
      '0',
      undefined,
    ]);
    const deleted = await served.ask('DELETE', '/api/v1/things');
    expect([deleted.status, deleted.headers['content-length'], deleted.headers['content-type']]).toEqual([204, undefined, undefined]);
    const unchanged = await get('/unchanged');
    expect([unchanged.status, unchanged.headers.etag, unchanged.headers['content-length']]).toEqual([304, '"1"', undefined]);
  });

  test('JSON made elsewhere goes out as it is', async () => {
    expect((await get('/text')).text).toBe('{"made":"elsewhere"}');
  });
});

describe('compression', () => {
  test('of JSON above 1 KiB, for clients that take it', async () => {
    const gzipped = await get('/large', { 'Accept-Encoding': 'gzip' });
    expect(gzipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Authorization, Accept, Origin, Accept-Encoding' });
    expect(JSON.parse(gunzipSync(gzipped.bytes).toString())).toEqual(large);
    const brotli = await get('/large', { 'Accept-Encoding': 'gzip, deflate, br' });
    expect(JSON.parse(brotliDecompressSync(brotli.bytes).toString())).toEqual(large);
  });

  test('not for others, nor of less', async () => {
    const plain = await get('/large');
    expect([plain.headers['content-encoding'], plain.json]).toEqual([undefined, large]);
    expect(plain.headers.vary).toContain('Accept-Encoding');
    expect((await get('/large', { 'Accept-Encoding': 'identity' })).json).toEqual(large);
    expect((await get('/things', { 'Accept-Encoding': 'gzip' })).headers['content-encoding']).toBeUndefined();
  });

  test('of streams of text', async () => {
    const answer = await get('/list', { 'Accept-Encoding': 'gzip' });
    expect(gunzipSync(answer.bytes).toString()).toBe('a,b\n1,2\n');
    expect((await get('/list')).text).toBe('a,b\n1,2\n');
  });
});

describe('what a client accepts', () => {
  test.each([undefined, '*/*', 'application/json', 'application/*', 'text/html, application/json;q=0.1'])(
    '%s is JSON too',
    async (accept) => {
      expect((await get('/things', accept === undefined ? {} : { Accept: accept })).status).toBe(200);
    },
  );

  test.each(['text/html', 'application/xml', 'application/json;q=0'])('%s is not, and the answer says so in JSON', async (accept) => {
    const { status, json } = await get('/things', { Accept: accept });
    expect([status, json.error.code]).toEqual([406, 'NOT_ACCEPTABLE']);
  });

  test('may be one of several types that a route has', async () => {
    expect((await get('/list', { Accept: 'text/csv' })).status).toBe(200);
    expect((await get('/list', { Accept: 'application/json' })).status).toBe(200);
    expect((await get('/list', { Accept: 'image/png' })).status).toBe(406);
  });

  test('does not matter where the answer is an error', async () => {
    expect(await get('/nothing', { Accept: 'text/html' })).toMatchObject({ status: 404, json: { error: { code: 'ROUTE_NOT_FOUND' } } });
  });
});

describe('a page of another origin', () => {
  const preflight = (origin: string, path = '/things') =>
    served.ask('OPTIONS', `/api/v1${path}`, {
      headers: { Origin: origin, 'Access-Control-Request-Method': 'PATCH', 'Access-Control-Request-Headers': 'if-match' },
    });

  test('may ask when it is on the list, without credentials', async () => {
    const { status, headers } = await preflight('https://app.example');
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers':
        'Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Prefer, X-Request-ID, Tasktrail-Position, Last-Event-ID, Range',
      'access-control-max-age': expect.any(String),
    });
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    expect((await preflight('https://app.example', '/nothing')).status).toBe(204);
  });

  test('may read answers, errors too, and the headers of the conventions', async () => {
    for (const path of ['/things', '/nothing']) {
      const { headers } = await get(path, { Origin: 'https://app.example' });
      expect(headers['access-control-allow-origin']).toBe('https://app.example');
      expect(String(headers['access-control-expose-headers']).split(', ').sort()).toEqual(
        [
          ...[
            'X-Request-ID',
            'Tasktrail-Operation',
            'Tasktrail-Revision',
            'Tasktrail-Position',
            'Tasktrail-As-Of-Position',
            'Tasktrail-Stale',
          ],
          ...[
            'X-RateLimit-Limit',
            'X-RateLimit-Remaining',
            'X-RateLimit-Reset',
            'Retry-After',
            'WWW-Authenticate',
            'Allow',
            'Link',
            'Location',
          ],
          ...['ETag', 'Idempotent-Replayed', 'Preference-Applied', 'Deprecation', 'Sunset', 'Cache-Control', 'Vary'],
          ...['Content-Disposition', 'Content-Range', 'Accept-Ranges'],
        ].sort(),
      );
    }
  });

  test('may not when it is not', async () => {
    for (const origin of ['https://evil.example', 'https://app.example.evil', 'http://app.example', 'null']) {
      expect((await preflight(origin)).headers['access-control-allow-origin']).toBeUndefined();
      expect((await get('/things', { Origin: origin })).headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  test('may from anywhere when the list says so; from nowhere when there is none', async () => {
    const [open, shut] = [await serving(routes, { corsOrigins: ['*'] }), await serving(routes)];
    const headers = { Origin: 'https://any.example' };
    expect((await open.ask('GET', '/api/v1/things', { headers })).headers).toMatchObject({
      'access-control-allow-origin': '*',
      vary: 'Authorization, Accept',
    });
    expect((await shut.ask('GET', '/api/v1/things', { headers })).headers['access-control-allow-origin']).toBeUndefined();
    await Promise.all([open.stop(), shut.stop()]);
  });
});

describe('the address of a client', () => {
  const forwarded = { 'X-Forwarded-For': '203.0.113.7, 10.0.0.1' };

  test('is that of the connection, whatever its headers say', async () => {
    expect((await get('/things', forwarded)).json.ip).toBe('127.0.0.1');
  });

  test.each<[string, boolean | number | string[], string, string]>([
    ['one proxy, which says what it saw', true, '203.0.113.7', '203.0.113.7'],
    ['one proxy, and what the client said before it', true, '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['one proxy by count', 1, '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['two proxies in a row', 2, '198.51.100.1, 203.0.113.7, 10.0.0.1', '203.0.113.7'],
    ['two proxies, one of which says nothing', 2, '203.0.113.7', '203.0.113.7'],
    ['proxies by their addresses', ['loopback', '10.0.0.0/8'], '198.51.100.1, 203.0.113.7, 10.9.9.9', '203.0.113.7'],
    ['proxies of which the peer is none', ['10.0.0.0/8'], '203.0.113.7', '127.0.0.1'],
    ['none', false, '203.0.113.7', '127.0.0.1'],
    ['a proxy that names no address', 1, 'unknown', '127.0.0.1'],
  ])('is what trusted proxies say, read from the right: %s', async (_, trustProxy, said, expected) => {
    const behind = await serving(routes, { trustProxy });
    expect((await behind.ask('GET', '/api/v1/things', { headers: { 'X-Forwarded-For': said } })).json.ip).toBe(expected);
    await behind.stop();
  });

  test('is not taken from any other header', async () => {
    const behind = await serving(routes, { trustProxy: 1 });
    const headers = {
      'X-Real-IP': '203.0.113.7',
      Forwarded: 'for=203.0.113.7',
      'CF-Connecting-IP': '203.0.113.7',
      'X-Client-IP': '203.0.113.7',
    };
    expect((await behind.ask('GET', '/api/v1/things', { headers })).json.ip).toBe('127.0.0.1');
    await behind.stop();
  });
});
