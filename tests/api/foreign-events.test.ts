import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type EventStored, startEventStored } from '../support/eventstored.ts';
import { aForeignApplication, type ForeignApplication, foreignStreams, inJson } from '../support/foreign-application.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Client, createClient, keys } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';
import { withEventStoreDb } from '../support/with-eventstoredb.ts';
import { dataDirectory, runTool } from '../tools/run-tool.ts';

jest.setTimeout(60_000);

const POLL_MS = 50;
const TIMEOUT_MS = 15_000;

// A server that is another application's too, from before the first start of the service.
withEventStoreDb(() => {
  const directory = dataDirectory();
  let server: EventStored;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let foreign: ForeignApplication;
  let service: Weakened;
  let user: Client;
  let sameStores: Record<string, string>;
  let written = 0;
  let users = 0;

  const start = async () => {
    service = await startWeakened({ sameStores });
  };
  const health = async () => (await createClient(service.url).send('GET', '/health/detailed')).body;
  const eventually = async (isTrue: () => Promise<boolean> | boolean) => {
    for (const giveUpAt = performance.now() + TIMEOUT_MS; performance.now() < giveUpAt; await sleep(POLL_MS)) if (await isTrue()) return;
    throw new Error(`it has not come true: ${isTrue} ${JSON.stringify(await health())}`);
  };
  const signUp = async (): Promise<Client> => {
    const name = `user${++users}`;
    const body = { email: `${name}@tasks.test`, username: name, password: 'Passw0rd-of-mine', full_name: name };
    const reply = await createClient(service.url).post('/auth/register', body);
    expect(reply.status).toBe(201);
    return createClient(service.url, reply.body.access_token);
  };
  const aTask = async () => (await user.post('/tasks', { title: 'A task of ours' })).body.id as string;
  /** Whether the lists, all of them, follow the log still. */
  const expectListed = async () => {
    const id = await aTask();
    const listed = await user.get('/tasks?sort_by=created_at&sort_order=desc&limit=1');
    expect([listed.headers.get('tasktrail-stale'), listed.body.items[0]?.id]).toEqual([null, id]);
    expect((await user.get(`/tasks/${id}?revision=0`)).status).toBe(200);
    expect((await user.get('/activity?limit=1')).headers.get('tasktrail-stale')).toBeNull();
    expect((await createClient(service.url, user.token).get('/events?after=head')).headers.get('tasktrail-stale')).toBeNull();
  };
  const isReady = async () => (await createClient(service.url).send('GET', '/ready')).status === 200;
  const verify = () => runTool('verify', [], { DATA_DIR: directory.path, ...keys, ...sameStores });

  beforeAll(async () => {
    server = await startEventStored();
    database = await createTestDatabase();
    sameStores = { DATABASE_URL: database.connectionString, EVENTSTORE_URL: server.url() };
    foreign = aForeignApplication(server.url());
    for (const [stream, event] of foreignStreams()) await foreign.append(stream, event);
    written = foreignStreams().length;
    await start();
    user = await signUp();
  });
  afterAll(async () => {
    await service?.stop();
    await foreign?.close();
    await server?.stop();
    await database?.drop();
    await directory.remove();
  });

  test('the service starts, follows its own events, and counts those of others and names each once', async () => {
    await eventually(isReady);
    await expectListed();
    expect((await health()).checks.eventstore).toMatchObject({ status: 'healthy', foreign_events: written, missing_streams: 0 });
    const named = service.log.map(({ message }) => String(message)).filter((message) => message.includes('of another application'));
    expect(named).toHaveLength(written);
    expect(named[0]).toMatch(/UserRegistered in user-42 at position \d+/);
  });

  test('events of others that come while it runs are skipped as well, and again after a restart', async () => {
    for (const [stream, event] of foreignStreams()) await foreign.append(stream, event);
    await expectListed();
    await eventually(async () => (await health()).checks.eventstore.foreign_events >= written * 2);
    await service.stop();
    for (const [stream, event] of foreignStreams()) await foreign.append(stream, event);
    await start();
    user = createClient(service.url, user.token);
    await eventually(isReady);
    await expectListed();
    expect((await health()).checks.projector.status).toBe('healthy');
  });

  describe('in a stream of a task of ours', () => {
    test('commands go on at the revisions of the store, and the lists with them', async () => {
      const id = await aTask();
      expect((await user.post(`/tasks/${id}/transition`, { target_status: 'in_progress' })).status).toBe(200);
      await foreign.append(`task-${id}`, inJson('Theirs'), inJson('TaskTransitioned'));
      const seen = await user.get(`/tasks/${id}`);
      const changed = await user.patch(`/tasks/${id}`, { title: 'Changed' }, { 'if-match': seen.headers.get('etag')! });
      expect([changed.status, changed.headers.get('tasktrail-revision')]).toEqual([200, '4']);
      expect((await user.patch(`/tasks/${id}`, { title: `Changed as ${id}` })).headers.get('tasktrail-revision')).toBe('5');
      expect((await user.get(`/tasks?search=${id}`)).body.items.map((task: { id: string }) => task.id)).toEqual([id]);
      const past = await user.get(`/tasks/${id}?revision=1`);
      expect([past.status, past.body.status]).toEqual([200, 'in_progress']);
      await expectListed();

      const verdict = (await user.get(`/activity/tasks/${id}/verify`)).body;
      expect([verdict.valid, verdict.first_bad_revision]).toEqual([false, 2]);
      const { code, stdout } = await verify();
      expect(code).not.toBe(0);
      expect(stdout).toMatch(new RegExp(`revision 2 of task-${id} \\(Theirs\\): was written by another application`));
      expect(stdout).not.toMatch(/missing/);
    });

    test('behind its last event, verification names them too', async () => {
      const id = await aTask();
      await foreign.append(`task-${id}`, inJson('Theirs'));
      expect((await user.get(`/activity/tasks/${id}/verify`)).body).toMatchObject({ valid: false, first_bad_revision: 1 });
      await user.patch(`/tasks/${id}`, { title: 'Goes on' });
      expect((await user.get(`/tasks/${id}`)).body.title).toBe('Goes on');
    });

    test("an account's events go on behind them", async () => {
      const other = await signUp();
      const { id } = (await other.get('/auth/me')).body;
      await eventually(async () => (await foreign.count(`user-${id}`)) > 0);
      await foreign.append(`user-${id}`, inJson('Theirs'));
      for (const full_name of ['One', 'Two']) {
        const before = await foreign.count(`user-${id}`);
        expect((await other.patch('/auth/me', { full_name })).status).toBe(200);
        await eventually(async () => (await foreign.count(`user-${id}`)) > before);
      }
    });
  });

  describe('tombstones and truncation', () => {
    test('of others are skipped', async () => {
      const before = (await health()).checks.eventstore.missing_streams;
      const stream = `user-9-${randomUUID()}`;
      await foreign.append(stream, inJson());
      await foreign.tombstone(stream);
      await foreign.softDelete('user-42');
      await expectListed();
      expect((await health()).checks.eventstore).toMatchObject({ missing_streams: before });
    });

    test('of ours are an incident: said, counted, named by verify; everything else goes on, also after a scavenge and a rebuild', async () => {
      const before = (await health()).checks.eventstore.missing_streams;
      const [gone, hidden, cut] = [await aTask(), await aTask(), await aTask()];
      for (const id of [gone, hidden, cut]) for (const title of ['One', 'Two', 'Three']) await user.patch(`/tasks/${id}`, { title });
      await expectListed();
      await foreign.tombstone(`task-${gone}`);
      await foreign.softDelete(`task-${hidden}`);
      await foreign.truncate(`task-${cut}`, 2);
      await eventually(async () => (await health()).checks.eventstore.missing_streams === before + 3);
      const { status, checks } = await health();
      expect([status, checks.eventstore.status, checks.projector.status, checks.eventstore.signing]).toEqual([
        'degraded',
        'degraded',
        'healthy',
        true,
      ]);
      await eventually(async () => {
        const replies = await Promise.all([gone, hidden, cut].map((id) => user.get(`/tasks/${id}`)));
        return replies.every((reply) => reply.status === 404);
      });
      await expectListed();
      expect((await user.get(`/tasks?search=three`)).body.items.length).toBeGreaterThanOrEqual(3);
      const said = service.log.map(({ message }) => String(message)).filter((message) => message.includes('what it held is missing'));
      for (const id of [gone, hidden, cut]) expect(said.filter((message) => message.includes(id))).toHaveLength(1);

      await foreign.scavenge();
      await service.stop();
      await start();
      user = createClient(service.url, user.token);
      await eventually(isReady);
      expect((await health()).checks.eventstore.missing_streams).toBe(before + 3);
      await expectListed();

      const { code, stdout } = await verify();
      expect(code).not.toBe(0);
      expect(stdout).toMatch(new RegExp(`position \\d+: stream task-${gone} was deleted for good`));
      expect(stdout).toMatch(new RegExp(`stream task-${hidden} was deleted`));
      expect(stdout).toMatch(new RegExp(`stream task-${cut} was truncated before revision 2`));
      const rebuilt = await runTool('rebuild', ['listing', 'activity', 'history', 'feed'], {
        DATA_DIR: directory.path,
        ...keys,
        ...sameStores,
      });
      expect([rebuilt.code, rebuilt.stderr]).toEqual([0, expect.anything()]);
      await expectListed();
      const exported = await runTool('export', [`${directory.path}/log.ndjson`], { DATA_DIR: directory.path, ...keys, ...sameStores });
      expect([exported.code, exported.stderr]).toEqual([0, expect.anything()]);
    });
  });

  test.each([
    ['foreign events are recognised by more than the prefix of their stream', () => foreign.append(`user-${randomUUID()}`, inJson())],
    [
      'tombstones are skipped',
      async () => {
        const stream = `user-10-${randomUUID()}`;
        await foreign.append(stream, inJson());
        await foreign.tombstone(stream);
      },
    ],
  ])('without the defence "%s", the read side stops; with it, it goes on by itself', async (name, disturb) => {
    await service.without(name);
    await disturb();
    await aTask();
    await eventually(async () => (await health()).checks.projector.status === 'unhealthy');
    await service.without();
    await eventually(async () => (await health()).checks.projector.status === 'healthy');
    await expectListed();
  });
});
