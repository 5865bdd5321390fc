import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { route } from '../../../src/api/route.ts';
import { type Serving, serving } from './serving.ts';

const common = { tag: 'Things', summary: 'A thing', needs: 'open', answers: { 200: z.unknown() }, rejects: [] } as const;
const routes = [
  route({
    ...common,
    method: 'post',
    path: '/uploads',
    upload: 'file',
    handle: async ({ request }) => ({ status: 200, body: (await buffer(request.http)).length }),
  }),
  route({ ...common, method: 'post', path: '/others', body: z.unknown(), handle: () => ({ status: 200, body: 'taken' }) }),
  route({
    ...common,
    method: 'post',
    path: '/refused',
    upload: 'file',
    handle({ request }) {
      request.http.resume();
      return { status: 200, body: 'enough' };
    },
  }),
];

const WITHIN = 300;
let served: Serving;
beforeAll(async () => {
  served = await serving(routes, { timeouts: { request: WITHIN, headers: 200, check: 20 } });
});
afterAll(() => served.stop());

/** Sends so many pieces of so many bytes, one every 30 ms. @returns what was received, and how long the connection lasted */
function dripped(path: string, pieces: number, size: number): Promise<{ answer: string; lasted: number }> {
  const began = performance.now();
  return new Promise((resolve) => {
    let answer = '';
    let left = pieces;
    const head = `POST /api/v1${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n`;
    const socket = connect(served.port, '127.0.0.1', () => socket.write(`${head}Content-Length: ${pieces * size}\r\n\r\n`));
    const dripping = setInterval(() => left-- > 0 && socket.write(Buffer.alloc(size, '1')), 30);
    socket.on('data', (bytes) => {
      answer += bytes;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(dripping);
      resolve({ answer, lasted: performance.now() - began });
    });
  });
}

describe('a body that takes longer than a request may', () => {
  test('is taken when it is an upload that is fast enough', async () => {
    const { answer, lasted } = await dripped('/uploads', 20, 2000);
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*40000$/);
    expect(lasted).toBeGreaterThan(WITHIN * 1.5);
  });
  test('is given up when it is an upload that is too slow', async () => {
    const { answer } = await dripped('/uploads', 1000, 10);
    expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*REQUEST_TIMEOUT/);
  });
  test('is given up when it is no upload', async () => {
    const { answer } = await dripped('/others', 100, 2000);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });
  test('is not listened to for longer, once it is answered', async () => {
    const { answer, lasted } = await dripped('/refused', 200, 2000);
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*enough/);
    expect(lasted).toBeLessThan(WITHIN * 5);
  });
});
