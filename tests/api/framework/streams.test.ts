import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Route, route } from '../../../src/api/route.ts';
import { Rejection } from '../../../src/rejection.ts';
import { type Serving, serving, until } from './serving.ts';

const common = { method: 'get', tag: 'Things', summary: 'A thing', needs: 'open', rejects: [] } as const;
const answers = { 200: { contentTypes: ['application/x-ndjson'] } };
const contentType = 'application/x-ndjson';

let made = 0;
let ended = 0;
let signal: AbortSignal | undefined;

async function* endless() {
  try {
    for (;;) {
      made++;
      yield 'x'.repeat(65_536);
    }
  } finally {
    ended++;
  }
}

async function* failing(before: number, error: unknown) {
  try {
    for (let i = 0; i < before; i++) yield `${i}\n`;
    if (before > 0) await new Promise((resolve) => setTimeout(resolve, 30));
    throw error;
  } finally {
    ended++;
  }
}

const streaming = (path: string, chunks: () => AsyncIterable<string>): Route =>
  route({
    ...common,
    path,
    answers,
    handle: ({ request }) => {
      signal = request.signal;
      return { status: 200, stream: { contentType, chunks: chunks() } };
    },
  });

const routes: Route[] = [
  streaming('/endless', endless),
  streaming('/refused', () => failing(0, new Rejection('INVALID_CURSOR', 'No'))),
  streaming('/broken', () => failing(3, new Error('canary'))),
  streaming('/empty', async function* () {}),
  route({
    ...common,
    path: '/waiting',
    answers: { 200: z.unknown() },
    async handle({ request }) {
      signal = request.signal;
      await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      return { status: 200, body: 'too late' };
    },
  }),
];

let served: Serving;
beforeAll(async () => {
  served = await serving(routes);
});
afterAll(() => served.stop());

const open = (path: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port: served.port, path: `/api/v1${path}`, agent: false }, resolve)
      .on('error', reject)
      .end();
  });

describe('a stream', () => {
  test('is made no faster than it is read, and ends when its reader goes', async () => {
    [made, ended] = [0, 0];
    const response = await open('/endless');
    response.pause();
    await new Promise((resolve) => setTimeout(resolve, 150));
    const ahead = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(made).toBe(ahead);
    expect(ahead).toBeLessThan(500);
    expect(signal?.aborted).toBe(false);
    response.destroy();
    await until(() => ended === 1 && signal?.aborted === true);
    expect(served.lines().filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('that fails before its first piece is an error like any other', async () => {
    expect(await served.ask('GET', '/api/v1/refused')).toMatchObject({ status: 422, json: { error: { code: 'INVALID_CURSOR' } } });
  });

  test('that fails later is cut off, so that nobody takes it for whole', async () => {
    ended = 0;
    const response = await open('/broken');
    const failed = new Promise<Error>((resolve) => response.on('error', resolve));
    response.resume();
    expect((await failed).message).toBe('aborted');
    expect([response.statusCode, ended]).toEqual([200, 1]);
    await until(() => served.lines().some(({ level, error }) => level === 'error' && (error as Error).message === 'canary'));
  });

  test('may have nothing in it', async () => {
    expect(await served.ask('GET', '/api/v1/empty')).toMatchObject({ status: 200, text: '' });
  });

  test('is not made for HEAD', async () => {
    made = 0;
    const answer = await served.ask('HEAD', '/api/v1/endless');
    expect([answer.status, answer.headers['content-type'], made]).toEqual([200, contentType, 0]);
  });
});

test('a handler is told when its client has gone', async () => {
  const request = httpRequest({ host: '127.0.0.1', port: served.port, path: '/api/v1/waiting', agent: false });
  request.on('error', () => {});
  signal = undefined;
  request.end();
  await until(() => signal !== undefined);
  request.destroy();
  await until(() => signal?.aborted === true);
});
