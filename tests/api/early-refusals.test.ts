import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { route } from '../../src/api/route.ts';
import { Rejection } from '../../src/rejection.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';
import { type Serving, serving, until } from './framework/serving.ts';

const refusing = (path: string, code: 'RATE_LIMITED' | 'OVERLOADED') =>
  route({
    method: 'post',
    path,
    tag: 'Things',
    summary: 'A thing',
    needs: 'open',
    upload: 'file',
    answers: { 200: z.unknown() },
    rejects: [],
    handle() {
      throw new Rejection(code, 'Not now');
    },
  });

let service: TestService;
let weakened: Weakened;
let crowded: Serving;
let ann: Client;
let taskId: string;
beforeAll(async () => {
  service = await startTestService();
  const starting = startWeakened(service);
  crowded = await serving([refusing('/limited', 'RATE_LIMITED'), refusing('/overloaded', 'OVERLOADED')]);
  ann = await service.someone('ann');
  taskId = (await ann.post('/tasks', { title: 'A task' })).body.id;
  weakened = await starting;
}, 60_000);
afterAll(async () => {
  await weakened?.stop();
  await crowded?.stop();
  await service?.stop();
});

const MB = 1_000_000;
const json = 'Content-Type: application/json';
const multipart = 'Content-Type: multipart/form-data; boundary=x';
const signedIn = () => `Authorization: Bearer ${ann.token}`;
const fileHead = (name: string) => `--x\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`;

/** Writes a whole request before it reads anything, as `http.client` of Python does. @returns what then can be read */
async function writesThenReads(port: number, head: readonly string[], beginning: string, size: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  const failed = once(socket, 'error').then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  const piece = Buffer.alloc(64 * 1024, 'x');
  socket.write(`${[...head, `Content-Length: ${beginning.length + size}`, 'Host: x'].join('\r\n')}\r\n\r\n${beginning}`);
  for (let left = size; left > 0; left -= piece.length) {
    const isRoom = socket.write(piece.subarray(0, Math.min(left, piece.length)));
    if (!isRoom) await Promise.race([once(socket, 'drain'), failed]);
  }
  socket.resume();
  const [answer] = await Promise.race([once(socket, 'data'), failed]);
  socket.destroy();
  return String(answer);
}

describe('a client that writes everything before it reads gets the status of', () => {
  const main = () => Number(new URL(service.url).port);
  const cases: [string, number, number, () => { port: number; head: string[]; beginning?: string }][] = [
    ['JSON that is too large', 413, 5 * MB, () => ({ port: main(), head: ['POST /api/v1/tasks HTTP/1.1', json, signedIn()] })],
    ['JSON without a token', 401, 2 * MB, () => ({ port: main(), head: ['POST /api/v1/tasks HTTP/1.1', json] })],
    ['a path that is not served', 404, 2 * MB, () => ({ port: main(), head: ['POST /api/v1/nothing HTTP/1.1', json] })],
    ['a method that a path does not take', 405, 2 * MB, () => ({ port: main(), head: ['PUT /api/v1/tasks HTTP/1.1', json] })],
    ['a target that is too long', 414, 2 * MB, () => ({ port: main(), head: [`POST /${'x'.repeat(9_000)} HTTP/1.1`, json] })],
    ['a request line that is none', 400, 2 * MB, () => ({ port: main(), head: ['FETCH / HTTP/1.1', json] })],
    [
      'a file that is too large',
      413,
      11 * MB,
      () => ({ port: main(), head: [`POST /api/v1/tasks/${taskId}/files HTTP/1.1`, multipart, signedIn()], beginning: fileHead('a.txt') }),
    ],
    [
      'a file that is far too large',
      413,
      60 * MB,
      () => ({ port: main(), head: [`POST /api/v1/tasks/${taskId}/files HTTP/1.1`, multipart, signedIn()], beginning: fileHead('a.txt') }),
    ],
    [
      'a file with a token that is not valid',
      401,
      5 * MB,
      () => ({
        port: main(),
        head: [`POST /api/v1/tasks/${taskId}/files HTTP/1.1`, multipart, 'Authorization: Bearer no'],
        beginning: fileHead('a.txt'),
      }),
    ],
    [
      'a file for a task that is not there',
      404,
      5 * MB,
      () => ({ port: main(), head: [`POST /api/v1/tasks/${ann.id}/files HTTP/1.1`, multipart, signedIn()], beginning: fileHead('a.txt') }),
    ],
    [
      'a file with a wrong extension',
      415,
      5 * MB,
      () => ({ port: main(), head: [`POST /api/v1/tasks/${taskId}/files HTTP/1.1`, multipart, signedIn()], beginning: fileHead('a.exe') }),
    ],
    ['too many requests', 429, 5 * MB, () => ({ port: crowded.port, head: ['POST /api/v1/limited HTTP/1.1', multipart] })],
    ['too much work', 503, 5 * MB, () => ({ port: crowded.port, head: ['POST /api/v1/overloaded HTTP/1.1', multipart] })],
  ];

  test.each(cases)('%s: %i', async (_, status, size, request) => {
    const { port, head, beginning = '' } = request();
    for (const connection of ['Connection: close', 'Connection: keep-alive']) {
      const answer = await writesThenReads(port, [...head, connection], beginning, size);
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });
});

test('an answer is sent at once, and the connection takes the next request when the rest of the body has come', async () => {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1').setEncoding('utf8');
  socket.write(`POST /api/v1/nothing HTTP/1.1\r\nHost: x\r\n${json}\r\nContent-Length: 100\r\n\r\n`);
  const [first] = await once(socket, 'data');
  expect(first).toMatch(/^HTTP\/1\.1 404 .*ROUTE_NOT_FOUND/s);
  socket.write(`${'x'.repeat(100)}GET /version HTTP/1.1\r\nHost: x\r\n\r\n`);
  const [second] = await once(socket, 'data');
  expect(second).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
});

describe('connections whose rest is discarded', () => {
  /** Opens so many that are refused and never send the rest. @returns how many of them stay open */
  async function lingering(url: string, count: number): Promise<number> {
    const sockets: Socket[] = [];
    let answered = 0;
    let closed = 0;
    for (let index = 0; index < count; index++) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.once('data', () => answered++);
      socket.on('error', () => {});
      socket.once('close', () => closed++);
      socket.write(`POST /api/v1/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${json}\r\nContent-Length: 1000000\r\n\r\n`);
      sockets.push(socket);
    }
    await until(() => answered === count);
    await until(() => closed >= count - 100).catch(() => {});
    const open = count - closed;
    for (const socket of sockets) socket.destroy();
    await until(() => closed === count);
    return open;
  }

  test('are a hundred at most, so that they take no place from other clients', async () => {
    expect(await lingering(weakened.url, 1000)).toBe(100);
    expect((await fetch(`${weakened.url}/version`)).status).toBe(200);
    await weakened.without('few connections linger');
    expect(await lingering(weakened.url, 150)).toBe(150);
    await weakened.without();
  });
});
