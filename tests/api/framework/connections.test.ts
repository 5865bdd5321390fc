import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Route, route } from '../../../src/api/route.ts';
import { envelopeIn, exchange, type Serving, serving, until } from './serving.ts';

const common = { tag: 'Things', summary: 'A thing', needs: 'open', answers: { 200: z.unknown() }, rejects: [] } as const;
const routes: Route[] = [
  route({ ...common, method: 'get', path: '/things', handle: () => ({ status: 200, body: 'here' }) }),
  route({ ...common, method: 'post', path: '/things', body: z.unknown(), handle: () => ({ status: 200, body: 'taken' }) }),
];

let served: Serving;
beforeAll(async () => {
  served = await serving(routes, { timeouts: { request: 400, headers: 300, check: 50, keepAlive: 250 } });
});
afterAll(() => served.stop());

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
/** Sends a beginning, then a little more every 30 ms, until the other side has had enough. */
function dripped(beginning: string, more: string): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(served.port, '127.0.0.1', () => socket.write(beginning));
    const dripping = setInterval(() => socket.write(more), 30);
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      received += text;
      clearInterval(dripping);
    });
    socket.on('close', () => {
      clearInterval(dripping);
      resolve(received);
    });
    socket.on('error', () => {});
  });
}

const post = 'POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

describe('bytes that are no request are answered in the envelope', () => {
  test.each([
    ['a broken request line', 'HELLO\r\n\r\n'],
    ['an unknown method', 'FETCH /api/v1/things HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a target with bare bytes', Buffer.from('GET /api/v1/things?search=é HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a header without a colon', 'GET /api/v1/things HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n'],
    ['two lengths', `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['a length and pieces', `${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`],
    ['a broken piece', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n`],
    ['no host', 'GET /api/v1/things HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['too many headers', `GET /api/v1/things HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(40_000)}\r\n\r\n`],
  ])('%s', async (_, text) => {
    const answer = await exchange(served.port, text);
    expect([statusOf(answer), envelopeIn(answer).code]).toEqual([400, 'MALFORMED_REQUEST']);
    expect(answer).toMatch(/\r\nX-Request-ID: [0-9a-f-]{36}\r\n/);
    expect(answer).toContain(envelopeIn(answer).request_id);
    expect(answer).toContain('X-Content-Type-Options: nosniff');
  });

  test('a target that is too long', async () => {
    const answer = await exchange(served.port, `GET /${'x'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect([statusOf(answer), envelopeIn(answer).code]).toEqual([414, 'URI_TOO_LONG']);
  });

  test('and stand in the log, once each', async () => {
    const before = served.lines().length;
    const id = envelopeIn(await exchange(served.port, 'HELLO\r\n\r\n')).request_id;
    await until(() => served.lines().length > before);
    expect(served.lines().slice(before)).toMatchObject([{ message: 'connection refused', request_id: id, status_code: 400 }]);
  });
});

describe('a request that does not arrive in time', () => {
  test.each([
    ['in its headers', 'GET /api/v1/things HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    ['in its body', `${post}Content-Length: 100\r\n\r\n{"a":`],
  ])('is given up %s', async (_, text) => {
    const answer = await exchange(served.port, text);
    expect([statusOf(answer), envelopeIn(answer).code]).toEqual([408, 'REQUEST_TIMEOUT']);
  });

  test('is given up too when it never quite stops coming', async () => {
    const answer = await dripped('GET /api/v1/things HTTP/1.1\r\nHost: x\r\n', 'X-Slow: 1\r\n');
    expect([statusOf(answer), envelopeIn(answer).code]).toEqual([408, 'REQUEST_TIMEOUT']);
    expect((await served.ask('GET', '/api/v1/things')).json).toBe('here');
  });

  test('has one line in the log, by the id that the answer has', async () => {
    const before = served.lines().length;
    await exchange(served.port, `${post}X-Request-ID: slow-one\r\nContent-Length: 100\r\n\r\n{"a":`);
    await until(() => served.lines().length > before);
    expect(served.lines().slice(before)).toMatchObject([
      { message: 'request', request_id: 'slow-one', status_code: 408, path: '/api/v1/things' },
    ]);
  });
});

test('a connection serves one request after another, and is closed when nothing more comes', async () => {
  const began = Date.now();
  const one = 'GET /api/v1/things HTTP/1.1\r\nHost: x\r\n\r\n';
  const answers = await exchange(served.port, one + one);
  expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  expect(Date.now() - began).toBeGreaterThan(200);
});

test('nonsense behind a good request leaves its answer whole', async () => {
  const answer = await exchange(served.port, 'GET /api/v1/things HTTP/1.1\r\nHost: x\r\n\r\nHELLO\r\n\r\n');
  expect(answer).toContain('"here"');
  expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
});

test('more connections than can be held are closed, and those that are held go on', async () => {
  const small = await serving(routes, { connections: 1 });
  const held = connect(small.port, '127.0.0.1');
  await new Promise((resolve) => held.once('connect', resolve));
  await expect(small.ask('GET', '/api/v1/things')).rejects.toThrow(/socket hang up|ECONNRESET/);
  const answered = new Promise((resolve) => held.once('data', (bytes) => resolve(String(bytes))));
  held.write('GET /api/v1/things HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await answered).toMatch(/^HTTP\/1\.1 200 /);
  held.destroy();
  await small.stop();
});

test('a connection that is cut stays without an answer, and the service goes on', async () => {
  await new Promise<void>((resolve) => {
    const socket = connect(served.port, '127.0.0.1', () => {
      socket.write('GET /api/v1/thi');
      setTimeout(() => socket.resetAndDestroy(), 20);
    });
    socket.on('close', () => resolve());
  });
  expect((await served.ask('GET', '/api/v1/things')).json).toBe('here');
});

describe('a request that cannot be read as it was meant', () => {
  const get = 'GET /api/v1/things HTTP/1.1\r\nConnection: close\r\n';

  test.each([
    ['two hosts', `${get}Host: x\r\nHost: x\r\n\r\n`, 400, 'MALFORMED_REQUEST'],
    [
      'a coding before chunked',
      `${post}Connection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      501,
      'TRANSFER_CODING_UNKNOWN',
    ],
    ['another coding than chunked', `${post}Transfer-Encoding: gzip\r\n\r\nabc`, 501, 'TRANSFER_CODING_UNKNOWN'],
    ['CONNECT on a path that is served', 'CONNECT /api/v1/things HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'METHOD_NOT_ALLOWED'],
    ['CONNECT to elsewhere', 'CONNECT other.example:443 HTTP/1.1\r\nHost: x\r\n\r\n', 404, 'ROUTE_NOT_FOUND'],
  ])('has %s', async (_, text, status, code) => {
    const answer = await exchange(served.port, text);
    expect([statusOf(answer), envelopeIn(answer).code]).toEqual([status, code]);
    if (status === 405) expect(answer).toContain('\r\nAllow: GET, HEAD, POST, OPTIONS\r\n');
  });

  test('has one coding, in any case', async () => {
    const answer = await exchange(served.port, `${post}Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`);
    expect(statusOf(answer)).toBe(200);
  });
});

describe('the body of a request that takes none', () => {
  test('is read and discarded, whatever it holds, up to a megabyte', async () => {
    for (const body of ['{broken', 'x'.repeat(1024 * 1024)]) {
      expect((await served.ask('GET', '/api/v1/things', { body })).json).toBe('here');
      expect((await served.ask('HEAD', '/api/v1/things', { body })).status).toBe(200);
    }
    const answer = await served.ask('GET', '/api/v1/things', { body: 'x'.repeat(1024 * 1024 + 1) });
    expect([answer.status, answer.json.error.code]).toEqual([413, 'BODY_TOO_LARGE']);
    const chunk = 'x'.repeat(1024 * 1024);
    const chunked = `GET /api/v1/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n${chunk}\r\n1\r\nx\r\n0\r\n\r\n`;
    expect(statusOf(await exchange(served.port, chunked))).toBe(413);
  });
});
