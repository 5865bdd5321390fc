import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createEventStoreDb } from '../../src/events/store/eventstoredb/eventstoredb-event-store.ts';
import { anEvent, append } from '../contract/events.ts';
import { type EventStored, startEventStored } from '../support/eventstored.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Client, createClient } from '../support/service.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';
import { withEventStoreDb } from '../support/with-eventstoredb.ts';

jest.setTimeout(120_000);

const POLL_MS = 50;
const TIMEOUT_MS = 30_000;

// EventStoreDB comes back under the running service with another log than the one before.
withEventStoreDb(() => {
  let server: EventStored;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let service: Weakened;
  let user: Client;
  let proxy: TcpProxy;
  let copies: string;

  beforeEach(async () => {
    server = await startEventStored({ durable: true });
    proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    database = await createTestDatabase();
    copies = await mkdtemp(join(tmpdir(), 'tasktrail-copies-'));
    service = await startWeakened({ sameStores: { DATABASE_URL: database.connectionString, EVENTSTORE_URL: server.url(proxy.port) } });
    const body = { email: 'user@tasks.test', username: 'user1', password: 'Passw0rd-of-mine', full_name: 'User' };
    user = createClient(service.url, (await createClient(service.url).post('/auth/register', body)).body.access_token);
    for (let n = 0; n < 5; n++) await aTask();
    await listed();
  });
  afterEach(async () => {
    await service?.stop();
    await proxy?.close();
    await server?.stop();
    await database?.drop();
    await rm(copies, { recursive: true, force: true });
  });

  const health = async () => (await createClient(service.url).send('GET', '/health/detailed')).body;
  const ready = async () => createClient(service.url).send('GET', '/ready');
  const eventually = async (isTrue: () => Promise<boolean>) => {
    for (const giveUpAt = performance.now() + TIMEOUT_MS; performance.now() < giveUpAt; await sleep(POLL_MS)) if (await isTrue()) return;
    throw new Error(`it has not come true: ${isTrue} ${JSON.stringify(await health())}`);
  };
  const aTask = async () => (await user.post('/tasks', { title: 'A task' })).body.id as string;
  const listed = async () => {
    const { body, headers } = await user.get('/tasks?limit=100');
    return { ids: body.items.map(({ id }: { id: string }) => id) as string[], isStale: headers.get('tasktrail-stale') === 'true' };
  };
  const copy = async (directory: string, name: string) => void (await cp(directory, join(copies, name), { recursive: true }));
  const empty = async (directory: string) => {
    for (const entry of await readdir(directory)) await rm(join(directory, entry), { recursive: true });
  };
  const restore = async (directory: string, name: string) => {
    await empty(directory);
    await cp(join(copies, name), directory, { recursive: true });
  };

  /** What the service says and does while the log is not the right one. */
  async function expectStandstill(known: string): Promise<void> {
    await eventually(async () => /^The read models/.test((await health()).checks.eventstore.error));
    const { status, checks } = await health();
    expect([status, checks.eventstore.status, checks.postgres.status]).toEqual(['unhealthy', 'unhealthy', 'healthy']);
    expect(checks.eventstore.error).toMatch(/^The read models are not of this event log as it stands: .*npm run rebuild/);
    expect(await ready()).toMatchObject({ status: 503, body: { ready: false, reason: checks.eventstore.error } });
    const refused = await user.post('/tasks', { title: 'On the wrong log' });
    expect([refused.status, refused.body.error.details]).toEqual([503, [{ part: 'eventstore' }]]);
    expect((await user.get(`/tasks/${known}`)).status).toBe(503);
    expect((await listed()).isStale).toBe(true);
  }

  /** Everything that was acknowledged is listed, and nothing else. */
  async function expectAllListed(ids: readonly string[]): Promise<void> {
    const last = await aTask();
    const { ids: found, isStale } = await listed();
    expect([isStale, [...found].sort()]).toEqual([false, [...ids, last].sort()]);
  }

  test.each([
    ['emptied', async (directory: string) => empty(directory)],
    ['an older copy', (directory: string) => restore(directory, 'older')],
  ])('%s: nothing is written, all is said, and the service goes on by itself once the right log is back', async (_, damage) => {
    await server.withStopped((directory) => copy(directory, 'older'));
    await eventually(async () => (await ready()).status === 200 && (await health()).status === 'healthy');
    const { ids } = await listed();
    const known = await aTask();
    await server.withStopped(async (directory) => {
      await copy(directory, 'right');
      await damage(directory);
    });
    await expectStandstill(known);
    await server.withStopped((directory) => restore(directory, 'right'));
    await eventually(async () => (await ready()).status === 200 && (await health()).status === 'healthy');
    await expectAllListed([...ids, known]);
  });

  test('an older copy, then more events than were lost before the service sees it: without the checks it would go on', async () => {
    await server.withStopped((directory) => copy(directory, 'older'));
    await eventually(async () => (await health()).status === 'healthy');
    const known = await aTask();
    await listed();
    const swap = async (name: string) => {
      proxy.refuse();
      proxy.cut();
      await server.withStopped((directory) => restore(directory, name));
    };
    await server.withStopped((directory) => copy(directory, 'right'));
    await swap('older');
    const other = await createEventStoreDb({ url: server.url(), saveKeys: async () => {}, log: () => {} });
    for (let n = 0; n < 40; n++) await other.append(append(`task-${randomUUID()}`, 'no_stream', anEvent('x'.repeat(500))));
    await other.close();
    proxy.accept();
    await expectStandstill(known);
    await service.without('the log is checked after an outage', 'a log that is not the right one is not used');
    await eventually(async () => (await user.post('/tasks', { title: 'On the wrong log' })).status === 201);
  });
});
