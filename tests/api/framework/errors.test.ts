import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { statusOf } from '../../../src/api/error-table.ts';
import { RefusalWithHeaders } from '../../../src/api/refusal-with-headers.ts';
import { type Route, route } from '../../../src/api/route.ts';
import { StoreOverloaded, StoreUnavailable } from '../../../src/events/store/event-store.ts';
import { DatabaseUnavailable } from '../../../src/platform/postgres/connection-failure.ts';
import { Rejection, rejectionCodes } from '../../../src/rejection.ts';
import { type Serving, serving } from './serving.ts';

const common = { method: 'get', tag: 'Things', summary: 'A thing', answers: { 200: z.unknown() }, rejects: [] } as const;
const thrown: Record<string, () => unknown> = {
  rejection: () => new Rejection('INVALID_TRANSITION', "Invalid transition from 'done' to 'blocked'", [{ path: 'status', from: 'done' }]),
  mismatch: () => new RefusalWithHeaders(new Rejection('REVISION_MISMATCH', 'The task is at revision 4'), { ETag: '"4"' }),
  limited: () => new RefusalWithHeaders(new Rejection('RATE_LIMITED', 'Too many requests'), { 'Retry-After': '17' }),
  store: () => new StoreUnavailable('unknown', new Error('ECONNREFUSED 10.0.0.7')),
  overloaded: () => new StoreOverloaded('full'),
  database: () => new DatabaseUnavailable(new Error('connect ECONNREFUSED 10.0.0.7:5432')),
  bug: () =>
    Object.assign(new TypeError('canary-41 of undefined', { cause: new Error('canary-42') }), { detail: 'canary-43', code: '23505' }),
  text: () => 'canary-44',
  nothing: () => undefined,
};

const routes: Route[] = [
  route({
    ...common,
    path: '/throws/:what',
    needs: 'open',
    params: z.strictObject({ what: z.string() }),
    handle: ({ params }) => {
      throw thrown[params.what]!();
    },
  }),
  route({
    ...common,
    path: '/cannot-be-written',
    needs: 'open',
    handle: () => ({ status: 200, headers: { Location: 'a\nb' }, body: 'x' }),
  }),
  route({ ...common, path: '/closed', needs: { scope: null }, handle: ({ caller }) => ({ status: 200, body: caller.username }) }),
  route({ ...common, path: '/admins', needs: { scope: 'admin', admin: true }, handle: () => ({ status: 200, body: 'yes' }) }),
  route({ ...common, path: '/open', needs: 'open', handle: ({ caller }) => ({ status: 200, body: caller?.username ?? null }) }),
  ...rejectionCodes.map((code) =>
    route({
      ...common,
      path: `/rejects/${code}`,
      needs: 'open',
      handle: () => {
        throw new Rejection(code, 'No');
      },
    }),
  ),
];

let served: Serving;
beforeAll(async () => {
  served = await serving(routes);
});
afterAll(() => served.stop());
const get = (path: string, headers: Record<string, string> = {}) => served.ask('GET', `/api/v1${path}`, { headers });

describe('a refusal', () => {
  test('is told in one envelope, with its details and the id of the request', async () => {
    const { status, json, headers } = await get('/throws/rejection', { 'X-Request-ID': 'mine' });
    expect(status).toBe(409);
    expect(json).toEqual({
      error: {
        code: 'INVALID_TRANSITION',
        message: "Invalid transition from 'done' to 'blocked'",
        request_id: 'mine',
        details: [{ path: 'status', from: 'done' }],
      },
    });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
  });

  test.each(rejectionCodes)('%s has the status of the table', async (code) => {
    const { status, json, headers } = await get(`/rejects/${code}`);
    expect([status, json.error.code]).toEqual([statusOf[code], code]);
    if (status === 401) expect(headers['www-authenticate']).toMatch(/^Bearer realm="tasktrail"/);
    if (status === 503) expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });

  test('may carry headers of its own', async () => {
    expect(await get('/throws/mismatch')).toMatchObject({ status: 412, headers: { etag: '"4"' } });
    expect(await get('/throws/limited')).toMatchObject({ status: 429, headers: { 'retry-after': '17' } });
  });

  test.each([
    ['store', 'DEPENDENCY_UNAVAILABLE', [{ part: 'eventstore' }]],
    ['database', 'DEPENDENCY_UNAVAILABLE', [{ part: 'postgres' }]],
    ['overloaded', 'OVERLOADED', []],
  ])('for want of the %s is a 503 that says when to come back, and not where things stand', async (what, code, details) => {
    const { status, json, headers, text } = await get(`/throws/${what}`);
    expect([status, json.error.code, json.error.details]).toEqual([503, code, details]);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(text).not.toContain('10.0.0.7');
  });
});

describe('a fault of the service', () => {
  test.each(['bug', 'text', 'nothing'])('is a bare 500, whatever was thrown: %s', async (what) => {
    const { status, json, text } = await get(`/throws/${what}`, { 'X-Request-ID': `fault-${what}` });
    expect([status, json.error.code, json.error.details]).toEqual([500, 'INTERNAL_ERROR', []]);
    expect(text).not.toMatch(/canary|at .*\.ts/);
  });

  test('is in the log with the id of the request and its stack, and nothing else it carries', async () => {
    await get('/throws/bug', { 'X-Request-ID': 'look-me-up' });
    const line = served.lines().find(({ request_id, level }) => request_id === 'look-me-up' && level === 'error')!;
    expect(line.error).toMatchObject({
      type: 'TypeError',
      message: 'canary-41 of undefined',
      code: '23505',
      cause: { message: 'canary-42' },
    });
    expect(String((line.error as { stack: string }).stack)).toContain('errors.test.ts');
    expect(served.logText()).not.toContain('canary-43');
  });

  test('also when the answer cannot be written', async () => {
    expect(await get('/cannot-be-written')).toMatchObject({ status: 500, json: { error: { code: 'INTERNAL_ERROR' } } });
  });
});

describe('who is asking', () => {
  test('is asked for where it matters', async () => {
    const answer = await get('/closed');
    expect([answer.status, answer.json.error.code, answer.headers['www-authenticate']]).toEqual([
      401,
      'NOT_AUTHENTICATED',
      'Bearer realm="tasktrail"',
    ]);
    const wrong = await get('/closed', { Authorization: 'Bearer stolen' });
    expect([wrong.status, wrong.headers['www-authenticate']]).toEqual([401, 'Bearer realm="tasktrail", error="invalid_token"']);
    expect((await get('/closed', { Authorization: 'Bearer user' })).json).toBe('somebody');
  });

  test('must be an admin where only admins may', async () => {
    expect(await get('/admins', { Authorization: 'Bearer user' })).toMatchObject({ status: 403, json: { error: { code: 'ADMIN_ONLY' } } });
    expect((await get('/admins', { Authorization: 'Bearer admin' })).status).toBe(200);
  });

  test('is known on open routes when they say so, and let in all the same when their token is no good', async () => {
    expect((await get('/open', { Authorization: 'Bearer user' })).json).toBe('somebody');
    expect((await get('/open', { Authorization: 'Bearer expired' })).json).toBeNull();
    expect((await get('/open')).json).toBeNull();
  });
});
