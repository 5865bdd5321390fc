import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { createClient, keys, startTestService, type TestService } from '../support/service.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let database: TestDatabase;
let proxy: TcpProxy;
let service: TestService | undefined;
let throughProxy: string;

beforeEach(async () => {
  database = await createTestDatabase();
  const url = new URL(database.connectionString);
  proxy = await startTcpProxy({ path: `${decodeURIComponent(url.hostname)}/.s.PGSQL.${url.port}` });
  throughProxy = `postgres://${url.username}:${url.password}@127.0.0.1:${proxy.port}${url.pathname}?sslmode=disable`;
});
afterEach(async () => {
  proxy.accept();
  await service?.stop();
  await proxy.close();
  await database.drop();
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await pause(50)) if (await isSo()) return;
  throw new Error('what was waited for did not come');
}

describe('while the database is away', () => {
  test('callers get 503 and when to come again, health says so, and all goes on by itself when it is back', async () => {
    service = await startTestService({ DATABASE_URL: throughProxy });
    const ann = await service.someone('ann');
    const { id } = (await ann.post('/tasks', { title: 'Before' })).body;
    proxy.refuse();
    proxy.cut();
    const since = performance.now();
    const replies = await Promise.all([
      ann.get('/tasks'),
      ann.get(`/tasks/${id}`),
      ann.post('/tasks', { title: 'During' }, { 'idempotency-key': 'during' }),
    ]);
    for (const reply of replies) {
      expect(reply.status).toBe(503);
      expect(reply.body.error.code).toBe('DEPENDENCY_UNAVAILABLE');
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(performance.now() - since).toBeLessThan(12_000);
    const health = await service.anonymous.send('GET', '/health/detailed');
    expect(health.status).toBe(503);
    expect(health.body.checks).toMatchObject({ postgres: { status: 'unhealthy' }, eventstore: { status: 'unhealthy' } });
    // The parts that are well report for themselves meanwhile, as does what follows the log.
    expect(health.body.checks).toMatchObject({
      storage: { status: 'healthy' },
      projector: { projections: { listing: { lag_events: null } } },
    });
    expect((await service.anonymous.send('GET', '/health')).body).toEqual({ status: 'healthy', database: 'unhealthy' });
    proxy.accept();
    await until(async () => (await ann.get(`/tasks/${id}`)).status === 200);
    await until(async () => (await ann.post('/tasks', { title: 'During' }, { 'idempotency-key': 'during' })).status === 201);
    await until(async () => (await service!.anonymous.send('GET', '/health/detailed')).status === 200);
    await until(async () => (await ann.get('/tasks')).body.total === 2);
  }, 60_000);

  test('a start waits for it, with a line of log for each try, and answers 503 until it is there', async () => {
    proxy.refuse();
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const starting = startTestService({ DATABASE_URL: throughProxy, PORT: String(port) });
    const early = createClient(`http://127.0.0.1:${port}`, 'any');
    await until(() =>
      early.get('/tasks').then(
        () => true,
        () => false,
      ),
    );
    const reply = await early.get('/tasks');
    expect([reply.status, reply.body.error.code]).toEqual([503, 'DEPENDENCY_UNAVAILABLE']);
    expect((await early.send('GET', '/ready')).body).toMatchObject({ ready: false, reason: expect.stringContaining('starting') });
    await pause(700);
    proxy.accept();
    service = await starting;
    const tries = service.log.filter((line) => line.includes('next try in'));
    expect(tries.length).toBeGreaterThan(1);
    expect((await (await service.someone('ann')).get('/tasks')).status).toBe(200);
    await until(async () => (await early.send('GET', '/ready')).status === 200);
  }, 60_000);

  test('a start that loses it halfway begins again, for as long as it takes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tasktrail-outage-'));
    const starting = startServiceProcess({ ...keys, DATABASE_URL: throughProxy, DATA_DIR: directory });
    // The second connection is opened when all tables are there.
    await until(async () => proxy.connections > 1);
    proxy.refuse();
    proxy.cut();
    await pause(500);
    proxy.accept();
    const child = await starting;
    try {
      expect(child.log.map(({ message }) => message)).toContainEqual(expect.stringContaining('the start failed because a server'));
      await until(async () => (await fetch(`${child.url}/ready`)).status === 200);
    } finally {
      expect(await child.end('SIGTERM')).toBe(0);
      await rm(directory, { recursive: true });
    }
  }, 60_000);
});
