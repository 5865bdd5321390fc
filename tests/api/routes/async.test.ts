import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Reply, startTestService, type TestService } from '../../support/service.ts';

let external: Server;
let service: TestService;
let answers = true;

beforeAll(async () => {
  external = createServer((_, response) => {
    if (answers) response.writeHead(200, { 'content-type': 'application/json' }).end('{"from":"outside"}');
  }).listen(0, '127.0.0.1');
  await once(external, 'listening');
  service = await startTestService({
    EXTERNAL_URL: `http://127.0.0.1:${(external.address() as AddressInfo).port}/`,
    RATE_LIMIT_PER_MINUTE: '1000',
  });
}, 60_000);
afterAll(async () => {
  await service.stop();
  external.closeAllConnections();
  external.close();
});

const get = (path: string) => service.anonymous.send('GET', path);
const post = (body: unknown) => service.anonymous.send('POST', '/async/background-task', { body: JSON.stringify(body) });

async function until(location: string, isSo: (reply: Reply) => boolean): Promise<Reply> {
  let reply = await get(location);
  for (const deadline = Date.now() + 10_000; !isSo(reply); reply = await get(location)) {
    if (Date.now() > deadline) throw new Error(`it did not get there: ${reply.text}`);
    await pause(20);
  }
  return reply;
}

describe('a background task', () => {
  test('is one of three unfinished ones of an address', async () => {
    const begun = await Promise.all(Array.from({ length: 8 }, () => post({ steps: 2, step_ms: 300 })));
    expect(begun.map(({ status }) => status).sort()).toEqual([202, 202, 202, 409, 409, 409, 409, 409]);
    const refused = begun.find(({ status }) => status === 409)!;
    expect(refused.body.error).toMatchObject({ code: 'LIMIT_REACHED', details: [{ limit: 3 }] });
    for (const { status, headers } of begun)
      if (status === 202) await until(headers.get('location')!, ({ body }) => body.finished_at !== null);
  });

  test('is accepted, shows how far it has come, and succeeds', async () => {
    const accepted = await post({ name: 'Count to four', steps: 4, step_ms: 60 });
    expect(accepted.status).toBe(202);
    const location = accepted.headers.get('location')!;
    expect(location).toBe(`/async/tasks/${accepted.body.id}`);
    expect(accepted.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'Count to four',
      status: expect.stringMatching(/^(queued|running)$/),
      progress: expect.any(Number),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      // It may have begun by now.
      started_at: accepted.body.started_at,
      finished_at: null,
      error: null,
      result: null,
    });
    const seen = new Set<number>();
    const ended = await until(location, ({ body }) => {
      seen.add(body.progress);
      return body.finished_at !== null;
    });
    expect(ended.body).toMatchObject({ status: 'succeeded', progress: 1, error: null, started_at: expect.any(String) });
    expect(seen.size).toBeGreaterThan(2);
    expect([...seen]).toEqual([...seen].sort());
  });

  test('may be asked for with nothing said of it', async () => {
    const accepted = await service.anonymous.send('POST', '/async/background-task');
    expect(accepted.status).toBe(202);
    expect(accepted.body.name).toBe('background-task');
  });

  test('counts against the limit of the client that starts it, and looking at it does not', async () => {
    const accepted = await post({ steps: 1, step_ms: 0 });
    expect(accepted.headers.get('x-ratelimit-limit')).toBe('1000');
    expect((await get(accepted.headers.get('location')!)).headers.get('x-ratelimit-limit')).toBeNull();
    expect((await get('/async/external')).headers.get('x-ratelimit-limit')).toBe('1000');
  });

  test.each([
    [{ steps: 0 }, 'steps', 'too_small'],
    [{ steps: 101 }, 'steps', 'too_big'],
    [{ steps: 1.5 }, 'steps', 'type'],
    [{ step_ms: 1001 }, 'step_ms', 'too_big'],
    [{ step_ms: -1 }, 'step_ms', 'too_small'],
    [{ name: '' }, 'name', 'too_short'],
    [{ colour: 'red' }, 'colour', 'unknown_key'],
  ])('is refused when it is wrong: %j', async (body, path, code) => {
    const refused = await post(body);
    expect(refused.status).toBe(422);
    expect(refused.body.error.details).toMatchObject([{ path, code }]);
  });

  test('that nobody has started is not found', async () => {
    for (const id of ['00000000-0000-4000-8000-000000000000', 'one']) {
      const reply = await get(`/async/tasks/${id}`);
      expect(reply.status).toBe(404);
      expect(reply.body.error.code).toBe('JOB_NOT_FOUND');
    }
  });

  test('is one of a hundred at most that wait: anybody may ask for one', async () => {
    const database = new pg.Client({ connectionString: service.connectionString });
    await database.connect();
    try {
      await database.query(`
        insert into pgboss.job (name, data, start_after)
        select 'background-task', '{"input": {"name": "later", "steps": 1, "step_ms": 0}, "createdBy": null}', now() + interval '1 hour'
          from generate_series(1, 100)`);
      const refused = await post({});
      expect(refused.status).toBe(503);
      expect(refused.body.error.code).toBe('OVERLOADED');
      expect(refused.headers.get('retry-after')).toBe('1');
      expect((await get('/metrics')).text).toContain('tasktrail_jobs{status="queued"} 100\n');
    } finally {
      await database.query(`delete from pgboss.job where start_after > now()`);
      await database.end();
    }
    const accepted = await post({ steps: 1, step_ms: 0 });
    expect(accepted.status).toBe(202);
    await until(accepted.headers.get('location')!, ({ body }) => body.finished_at !== null);
    expect((await get('/metrics')).text).toMatch(/tasktrail_jobs_ended_total\{status="succeeded"\} [1-9]/);
  });
});

test('a job that a user has started is there for that user and for admins', async () => {
  const [ann, bob, admin] = [await service.someone('ann'), await service.someone('bob'), await service.admin()];
  const { headers } = await ann.send('POST', '/async/background-task', { body: JSON.stringify({ steps: 1, step_ms: 0 }) });
  const statuses = [];
  for (const client of [ann, admin, bob, service.anonymous]) statuses.push((await client.send('GET', headers.get('location')!)).status);
  expect(statuses).toEqual([200, 200, 404, 404]);
});

describe('what is fetched from outside', () => {
  test('comes with its status and how long it took', async () => {
    const reply = await get('/async/external');
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({ status: 200, elapsed_ms: expect.any(Number), body: { from: 'outside' } });
  });

  test('keeps nobody else waiting, and is given up after five seconds', async () => {
    answers = false;
    const since = performance.now();
    const fetched = get('/async/external');
    await get('/version');
    expect(performance.now() - since).toBeLessThan(2_000);
    const reply = await fetched;
    expect(performance.now() - since).toBeGreaterThan(4_900);
    expect([reply.status, reply.body.error.code]).toEqual([504, 'EXTERNAL_TIMEOUT']);
  });

  test('is a 502 when the other side is not there', async () => {
    external.closeAllConnections();
    external.close();
    await once(external, 'close');
    const reply = await get('/async/external');
    expect([reply.status, reply.body.error.code]).toEqual([502, 'EXTERNAL_FAILED']);
  });
});
