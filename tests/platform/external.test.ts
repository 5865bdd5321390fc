import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createExternalCall, type ExternalLimits } from '../../src/platform/external.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function calling(answer: RequestListener, limits: Partial<ExternalLimits> = {}, credentials = '') {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const call = createExternalCall(`http://${credentials}127.0.0.1:${port}/path`, {
    timeout: 5_000,
    size: 1_000,
    concurrency: 2,
    ...limits,
  });
  return (signal = new AbortController().signal) => call(signal);
}

describe('what the other side answers', () => {
  test.each([
    ['application/json', '{"a":1}', { a: 1 }],
    ['application/problem+json; charset=utf-8', '[1]', [1]],
    ['application/json', '{broken', '{broken'],
    ['text/plain', '{"a":1}', '{"a":1}'],
    ['text/plain', '', ''],
  ])('is told as it is: %s %s', async (type, sent, body) => {
    const call = await calling((_, response) => void response.writeHead(203, { 'content-type': type }).end(sent));
    expect(await call()).toEqual({ status: 203, elapsedMs: expect.any(Number), body });
  });

  test('is told with its status, when that is an error too', async () => {
    const call = await calling((_, response) => void response.writeHead(500).end('no'));
    expect(await call()).toMatchObject({ status: 500, body: 'no' });
  });

  test.each([301, 302, 303, 307, 308])('is a failure where it redirects: %i is not followed', async (status) => {
    const paths: (string | undefined)[] = [];
    const call = await calling(({ url }, response) => {
      paths.push(url);
      response.writeHead(url === '/path' ? status : 200, { location: '/inside' }).end('secret');
    });
    await expect(call()).rejects.toMatchObject({ kind: 'failed', message: expect.stringContaining('not followed') });
    expect(paths).toEqual(['/path']);
  });

  test('may be asked for with a name and a password', async () => {
    const call = await calling((request, response) => void response.end(request.headers.authorization), {}, 'ann:p%40ss@');
    expect((await call()).body).toBe(`Basic ${Buffer.from('ann:p@ss').toString('base64')}`);
  });
});

describe('no answer comes', () => {
  test.each<[string, RequestListener, string]>([
    ['too large', (_, response) => void response.end('x'.repeat(1_001)), 'failed'],
    ['without an end', (_, response) => void response.write('x'), 'timeout'],
    ['never', () => {}, 'timeout'],
    ['cut off', (request) => void request.socket.destroy(), 'failed'],
  ])('from one that answers %s', async (_, answer, kind) => {
    const call = await calling(answer, { timeout: 200 });
    await expect(call()).rejects.toMatchObject({ name: 'ExternalFailure', kind });
  });

  test('from one that is not there', async () => {
    const call = await calling(() => {});
    server!.close();
    await expect(call()).rejects.toMatchObject({ kind: 'failed' });
  });

  test('beyond so many calls at once; and when they have ended, it does', async () => {
    const call = await calling((_, response) => void setTimeout(() => response.end('late'), 100));
    const calls = [call(), call()];
    await expect(call()).rejects.toMatchObject({ kind: 'busy' });
    await Promise.all(calls);
    expect((await call()).body).toBe('late');
  });

  test('to one who has gone, and nobody waits for it', async () => {
    const call = await calling(() => {});
    const gone = new AbortController();
    const answer = call(gone.signal);
    gone.abort(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
  });
});
