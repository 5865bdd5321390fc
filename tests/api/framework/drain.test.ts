import { Agent, request as httpRequest } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Route, route } from '../../../src/api/route.ts';
import { type Serving, serving, until } from './serving.ts';

const common = { method: 'get', tag: 'Things', summary: 'A thing', needs: 'open', answers: { 200: z.unknown() }, rejects: [] } as const;
let begun = 0;
let finish = () => {};

const routes: Route[] = [
  route({
    ...common,
    path: '/slow',
    async handle() {
      begun++;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return { status: 200, body: 'done' };
    },
  }),
  route({ ...common, path: '/quick', handle: () => ({ status: 200, body: 'done' }) }),
  route({ ...common, path: '/alive', root: true, handle: () => ({ status: 200, body: 'yes' }) }),
];

let served: Serving;
afterEach(async () => {
  finish();
  await served.stop();
});

const isRefused = () =>
  served.ask('GET', '/alive').then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );

test('what is under way is finished, what comes meanwhile is sent away, then nobody listens', async () => {
  served = await serving(routes);
  begun = 0;
  const slow = served.ask('GET', '/api/v1/slow');
  await until(() => begun === 1);
  const drained = served.api.drain(5000);
  expect(served.api.isDraining()).toBe(true);

  const late = await served.ask('GET', '/api/v1/quick');
  expect([late.status, late.json.error.code, late.headers.connection]).toEqual([503, 'SHUTTING_DOWN', 'close']);
  expect(Number(late.headers['retry-after'])).toBeGreaterThan(0);
  expect((await served.ask('GET', '/alive')).json).toBe('yes');

  finish();
  expect(await slow).toMatchObject({ status: 200, json: 'done', headers: { connection: 'close' } });
  expect(await drained).toBe(true);
  expect(await isRefused()).toBe(true);
});

test('what is not finished in time is cut off', async () => {
  served = await serving(routes);
  begun = 0;
  const slow = served.ask('GET', '/api/v1/slow').catch((error: NodeJS.ErrnoException) => error.code);
  await until(() => begun === 1);
  const began = Date.now();
  expect(await served.api.drain(100)).toBe(false);
  expect(Date.now() - began).toBeLessThan(1000);
  expect(await slow).toBe('ECONNRESET');
});

test('idle connections do not hold it up', async () => {
  served = await serving(routes);
  const agent = new Agent({ keepAlive: true });
  await new Promise<void>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: served.port, path: '/api/v1/quick', agent }, (response) => {
      response.resume().on('end', resolve);
    });
    request.on('error', reject).end();
  });
  const began = Date.now();
  expect(await served.api.drain(5000)).toBe(true);
  expect(Date.now() - began).toBeLessThan(1000);
  agent.destroy();
});

test('a port that is taken is said to be', async () => {
  served = await serving(routes);
  await expect(serving(routes, {}, served.port)).rejects.toThrow('EADDRINUSE');
});
