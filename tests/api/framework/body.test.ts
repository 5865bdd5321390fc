import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Route, route } from '../../../src/api/route.ts';
import { envelopeIn, exchange, type Serving, serving, until } from './serving.ts';

const common = { tag: 'Things', summary: 'A thing', answers: { 200: z.unknown() }, rejects: [] } as const;
const echo: Route[] = [
  route({ ...common, method: 'post', path: '/echo', needs: 'open', body: z.unknown(), handle: ({ body }) => ({ status: 200, body }) }),
  route({
    ...common,
    method: 'post',
    path: '/closed',
    needs: { scope: null },
    body: z.unknown(),
    handle: ({ body }) => ({ status: 200, body }),
  }),
  route({ ...common, method: 'get', path: '/echo', needs: 'open', handle: () => ({ status: 200, body: 'got' }) }),
];

let served: Serving;
beforeAll(async () => {
  served = await serving(echo);
});
afterAll(() => served.stop());

const post = (body: unknown, headers: Record<string, string> = {}, path = '/api/v1/echo') => served.ask('POST', path, { body, headers });
const json = { 'Content-Type': 'application/json' };

describe('a JSON body', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'APPLICATION/JSON',
    'application/merge-patch+json',
  ])('is taken as %s', async (type) => {
    expect((await post('{"é":["😀"]}', { 'Content-Type': type })).json).toEqual({ é: ['😀'] });
  });

  test.each([
    ['of another type', { 'Content-Type': 'text/plain' }],
    ['in another character set', { 'Content-Type': 'application/json; charset=latin1' }],
    ['as a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['without a type', {}],
    ['compressed', { ...json, 'Content-Encoding': 'gzip' }],
  ])('is refused %s', async (_, headers) => {
    const answer = await post('{}', headers as Record<string, string>);
    expect([answer.status, answer.json.error.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  });

  test.each<[string, string | Buffer]>([
    ['half of it', '{"a":'],
    ['none at all', 'hello'],
    ['two of them', '{}{}'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['a bare control character', '"\u0000"'],
  ])('is malformed as %s, and the answer repeats nothing of it', async (_, body) => {
    const answer = await post(body, json);
    expect([answer.status, answer.json.error.code]).toEqual([400, 'MALFORMED_JSON']);
    expect(answer.json.error.message).toBe('The body is not JSON');
  });

  test('is not looked at by a GET', async () => {
    expect((await served.ask('GET', '/api/v1/echo', { body: 'whatever' })).json).toBe('got');
  });

  test('comes in pieces all the same', async () => {
    const pieces =
      'POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    const answer = await exchange(served.port, `${pieces}4\r\n["a"\r\n5\r\n,"b"]\r\n0\r\n\r\n`);
    expect(answer).toMatch(/\["a","b"\]$/);
  });
});

describe('a body above 1 MiB', () => {
  const limit = 1024 * 1024;
  const text = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;

  test('is refused, and one byte less is not', async () => {
    expect((await post(text(limit), json)).status).toBe(200);
    const answer = await post(text(limit + 1), json);
    expect([answer.status, answer.json.error]).toMatchObject([413, { code: 'BODY_TOO_LARGE', details: [{ limit }] }]);
  });

  test('is refused before it is sent, when its length is told', async () => {
    const answer = await exchange(
      served.port,
      'POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n',
    );
    expect(envelopeIn(answer).code).toBe('BODY_TOO_LARGE');
  });

  test('is refused too when its length was not told', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      const request = httpRequest(
        { port: served.port, host: '127.0.0.1', method: 'POST', path: '/api/v1/echo', headers: json },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode!));
        },
      );
      request.on('error', reject);
      for (let sent = 0; sent < 3 * limit; sent += 65_536) request.write('x'.repeat(65_536));
      request.end();
    });
    expect(status).toBe(413);
  });

  test('is not even read from somebody who is not let in', async () => {
    const answer = await post(text(3 * limit), json, '/api/v1/closed');
    expect([answer.status, answer.json.error.code]).toEqual([401, 'NOT_AUTHENTICATED']);
  });
});

test('a client that leaves in the middle of its body is nobody to answer, and no fault', async () => {
  const before = served.lines().length;
  await new Promise<void>((resolve) => {
    const request = httpRequest({
      port: served.port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/api/v1/echo',
      headers: { ...json, 'Content-Length': '100' },
    });
    request.on('error', () => resolve());
    request.write('{"a"');
    setTimeout(() => request.destroy(), 30);
  });
  await until(() => served.lines().length > before);
  expect(served.lines().slice(before)).toMatchObject([{ message: 'request', status_code: 400, level: 'info' }]);
});

test('an expectation that nobody can meet is passed over', async () => {
  const answer = await exchange(served.port, 'GET /api/v1/echo HTTP/1.1\r\nHost: x\r\nExpect: the-impossible\r\nConnection: close\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(() => envelopeIn(answer)).not.toThrow();
});
