import { type ClientRequest, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Route, route } from '../../../src/api/route.ts';
import { Rejection } from '../../../src/rejection.ts';
import { exchange, type Serving, serving, until } from './serving.ts';

const common = { tag: 'Things', summary: 'A thing', rejects: [], answers: { 200: z.unknown() } } as const;
const ndjson = { 200: { contentTypes: ['text/plain'] } };
let begun = 0;

async function* pieces(count: number) {
  for (let i = 0; i < count; i++) {
    yield `${i}\n`;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const routes: Route[] = [
  route({ ...common, method: 'get', path: '/gone', needs: 'open', handle: () => Promise.reject(new Rejection('TASK_NOT_FOUND', 'No')) }),
  route({ ...common, method: 'get', path: '/broken', needs: 'open', handle: () => Promise.reject(new Error('out of order')) }),
  route({ ...common, method: 'post', path: '/things', needs: 'open', body: z.looseObject({}), handle: () => ({ status: 200, body: 1 }) }),
  route({
    ...common,
    method: 'get',
    path: '/slow',
    needs: 'open',
    async handle({ request }) {
      begun++;
      await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      return { status: 200, body: 'too late' };
    },
  }),
  route({
    ...common,
    method: 'get',
    path: '/stream/:count',
    needs: 'open',
    params: z.strictObject({ count: z.coerce.number() }),
    answers: ndjson,
    handle({ params }) {
      begun++;
      return { status: 200, stream: { contentType: 'text/plain', chunks: pieces(params.count) } };
    },
  }),
];

let served: Serving;
beforeAll(async () => {
  served = await serving(routes);
});
afterAll(() => served.stop());

const linesOf = (id: string) => served.lines().filter(({ request_id, level }) => request_id === id && level === 'info');
const headers = (id: string) => ({ 'X-Request-ID': id });
const members = ['timestamp', 'level', 'logger', 'message', 'request_id', 'method', 'path', 'status_code', 'duration_ms', 'user_id'].sort();

/** Asks, and leaves when that is right. */
async function leave(path: string, id: string, isTime: () => boolean): Promise<void> {
  begun = 0;
  const request: ClientRequest = httpRequest({ host: '127.0.0.1', port: served.port, path, agent: false, headers: headers(id) });
  request.on('error', () => {});
  request.on('response', (response) => response.on('error', () => {}).resume());
  request.end();
  await until(isTime);
  request.destroy();
  await until(() => linesOf(id).length > 0);
}

test.each([
  ['refused', 'GET', '/api/v1/gone', undefined, 404, '/api/v1/gone'],
  ['of a fault', 'GET', '/api/v1/broken', undefined, 500, '/api/v1/broken'],
  ['not understood', 'POST', '/api/v1/things', '{', 400, '/api/v1/things'],
  ['without a route', 'GET', '/api/v1/nothing/at/all', undefined, 404, 'unmatched'],
  ['with another method', 'DELETE', '/api/v1/things', undefined, 405, 'unmatched'],
  ['by HEAD', 'HEAD', '/api/v1/stream/3', undefined, 200, '/api/v1/stream/{count}'],
])('a request %s has one line with every member', async (name, method, path, body, status, pattern) => {
  const id = name.replaceAll(' ', '-');
  await served.ask(method, path, { headers: { ...headers(id), 'Content-Type': 'application/json' }, body });
  const [line, ...others] = linesOf(id);
  expect(others).toEqual([]);
  expect(Object.keys(line!).sort()).toEqual(members);
  expect(line).toMatchObject({ message: 'request', method, path: pattern, status_code: status, user_id: null });
});

test('a stream has its line at its end, with all of its time', async () => {
  await served.ask('GET', '/api/v1/stream/6', { headers: headers('stream') });
  await until(() => linesOf('stream').length > 0);
  expect(linesOf('stream')).toMatchObject([{ status_code: 200 }]);
  expect(linesOf('stream')[0]!.duration_ms).toBeGreaterThan(80);
});

test('whose client leaves before the answer, or in the middle of it, is a 499', async () => {
  await leave('/api/v1/slow', 'left-before', () => begun === 1);
  expect(linesOf('left-before')).toMatchObject([{ status_code: 499, path: '/api/v1/slow' }]);
  await leave('/api/v1/stream/200', 'left-amid', () => begun === 1);
  expect(linesOf('left-amid')).toMatchObject([{ status_code: 499, path: '/api/v1/stream/{count}' }]);
});

test('whose client leaves in the middle of its own body is a 499', async () => {
  const socket = connect(served.port, '127.0.0.1');
  socket.write(
    'POST /api/v1/things HTTP/1.1\r\nHost: x\r\nX-Request-ID: half\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.resetAndDestroy();
  await until(() => linesOf('half').length > 0);
  expect(linesOf('half')).toMatchObject([{ status_code: 499, method: 'POST', path: '/api/v1/things' }]);
});

test('bytes that are no request have a line of the same members', async () => {
  const before = served.lines().length;
  await exchange(served.port, 'canary\r\n\r\n');
  const [line, ...others] = served.lines().slice(before);
  expect(others).toEqual([]);
  expect(Object.keys(line!).sort()).toEqual([...members, 'code'].sort());
  expect(line).toMatchObject({ status_code: 400, path: 'unmatched', user_id: null });
  expect(JSON.stringify(line)).not.toContain('canary');
});
