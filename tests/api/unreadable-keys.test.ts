import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { type Client, keys, startTestService, type TestService } from '../support/service.ts';
import { startWeakened } from '../support/weakened.ts';
import { dataDirectory, runTool } from '../tools/run-tool.ts';

jest.setTimeout(60_000);

const anotherKey = 'another key than the one of the tests';
let service: TestService;
let pool: pg.Pool;
let ann: Client;
let admin: Client;

beforeAll(async () => {
  service = await startTestService();
  pool = new pg.Pool({ connectionString: service.connectionString, max: 1 });
  [ann, admin] = await Promise.all([service.someone('ann'), service.admin()]);
}, 60_000);
afterAll(async () => {
  await pool?.end();
  await service?.stop();
});

const aTask = async (title: string, by = ann): Promise<string> => (await by.post('/tasks', { title })).body.id;

/** Turns one byte of the key of a task or a person over; doing it again repairs the key. */
async function flipKeyOf(subject: string): Promise<void> {
  const flip = 'update event_log.data_keys set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) where subject = $1';
  expect((await pool.query(flip, [subject])).rowCount).toBe(1);
}

async function eventually<T>(read: () => Promise<T>, isThere: (value: T) => boolean): Promise<T> {
  for (const until = Date.now() + 20_000; ; await pause(20)) {
    const value = await read();
    if (isThere(value) || Date.now() > until) return value;
  }
}

describe('a wrong key', () => {
  const start = (wrong: Record<string, string>) => startTestService({ ...service.sameStores, ...wrong });

  test('of the data keys keeps an instance from starting, and is named', async () => {
    await expect(start({ MASTER_KEY: anotherKey })).rejects.toThrow(/^MASTER_KEY is not the key of this installation/);
    const former = await start({ MASTER_KEY: anotherKey, FORMER_MASTER_KEY: keys.MASTER_KEY! });
    await former.stop();
  });

  test('of the tokens keeps an instance from starting beside one that has another', async () => {
    await expect(start({ SECRET_KEY: anotherKey })).rejects.toThrow(/^SECRET_KEY is another one than that of an instance/);
  });

  test('ends every tool that seals or opens with 1, before it has written anything', async () => {
    const directory = dataDirectory();
    const environment = { DATA_DIR: directory.path, ...service.sameStores, MASTER_KEY: anotherKey };
    const file = `${directory.path}/log.ndjson`;
    expect(await runTool('export', [file], environment)).toMatchObject({ code: 0 });
    const outcomes = await Promise.all([
      runTool('seed', [], environment),
      runTool('rebuild', ['listing'], environment),
      runTool('import', [file], environment),
    ]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('MASTER_KEY is not') });
    await directory.remove();
  });

  test('seals what is new where the start does not look at it', async () => {
    const wrong = { sameStores: { ...service.sameStores, MASTER_KEY: anotherKey } };
    const weakened = await startWeakened(wrong, ['a wrong master key is refused']);
    const reply = await fetch(`${weakened.url}/api/v1/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ann.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ title: 'Sealed by another key' }),
    });
    expect(reply.status).toBe(201);
    const { id } = (await reply.json()) as { id: string };
    await weakened.stop();
    expect(await ann.get(`/tasks/${id}`)).toMatchObject({ status: 503, body: { error: { details: [{ part: 'keys' }] } } });
    await pool.query('delete from event_log.data_keys where subject = $1', [`task-${id}`]);
  });

  test('is known from the data keys where an installation has no sealed value yet, whatever one of them is worth', async () => {
    await aTask('Whole');
    const damaged = `task-${await aTask('Damaged')}`;
    await flipKeyOf(damaged);
    await pool.query('delete from event_log.installation');
    await expect(start({ MASTER_KEY: anotherKey })).rejects.toThrow(/^MASTER_KEY is not/);
    await (await start({})).stop();
    expect((await pool.query('select from event_log.installation')).rowCount).toBe(1);
    await flipKeyOf(damaged);
  });
});

describe('a data key that does not open', () => {
  const unavailable = { status: 503, body: { error: { code: 'DEPENDENCY_UNAVAILABLE', details: [{ part: 'keys' }] } } };

  const others: TestService[] = [];
  let people = 0;
  afterEach(() => Promise.all(others.splice(0).map((other) => other.stop())));

  /** Two tasks of a new user, the first with a damaged key, and an instance that has not used the keys yet. */
  async function aBrokenTask() {
    const owner = await service.someone(`owner-${++people}`);
    const [broken, whole] = [await aTask('Broken', owner), await aTask('Whole', owner)];
    await flipKeyOf(`task-${broken}`);
    const other = await startTestService({ ...service.sameStores });
    others.push(other);
    return { broken, whole, other, here: other.as(owner), admin: other.as(admin), owner };
  }

  test('makes its task 503 for reads and commands, stops neither a rebuild nor a reader, and is no erasure', async () => {
    const { broken, whole, other, here, admin } = await aBrokenTask();
    const titles = async () => (await here.get('/tasks')).body.items.map(({ title }: { title: string }) => title).sort();
    const rebuild = async () => {
      // As if the former generations had been kept for their minute: of these there may be two.
      await pool.query(`update projections.generations set state_since = now() - interval '2 minutes' where state = 'retired'`);
      await eventually(
        () => pool.query(`select from projections.generations where state = 'retired'`),
        ({ rowCount }) => rowCount === 0,
      );
      expect((await admin.post('/admin/projections/listing/rebuild')).status).toBe(202);
      const state = async () => (await admin.get('/admin/projections/listing')).body;
      return eventually(state, ({ state, rebuild }) => state === 'live' && !rebuild);
    };
    const eventStore = async () => (await other.anonymous.send('GET', '/health/detailed')).body.checks.eventstore;

    expect(await here.get(`/tasks/${broken}`)).toMatchObject(unavailable);
    expect(await here.get(`/activity/tasks/${broken}/replay`)).toMatchObject(unavailable);
    expect(await here.patch(`/tasks/${broken}`, { title: 'Written on a blank' })).toMatchObject(unavailable);
    expect(await here.post(`/tasks/${broken}/transition`, { target_status: 'done' })).toMatchObject(unavailable);
    expect(await here.get(`/tasks/${whole}`)).toMatchObject({ status: 200, body: { title: 'Whole' } });

    expect(await rebuild()).toMatchObject({ error: null });
    expect(await titles()).toEqual(['', 'Whole']);
    expect(await here.get('/events?limit=100')).toMatchObject({ status: 200 });
    expect(await eventStore()).toMatchObject({ status: 'degraded', unreadable_keys: 1 });
    expect((await other.anonymous.send('GET', '/metrics')).text).toContain('tasktrail_unreadable_keys 1');
    expect(other.log.filter((line) => line.includes('a data key does not open'))).toHaveLength(1);

    await flipKeyOf(`task-${broken}`);
    expect(await here.get(`/tasks/${broken}`)).toMatchObject({ status: 200, body: { title: 'Broken' } });
    await rebuild();
    expect(await titles()).toEqual(['Broken', 'Whole']);
    // Checks are kept for a second.
    expect(await eventually(eventStore, ({ unreadable_keys }) => unreadable_keys === 0)).toMatchObject({ unreadable_keys: 0 });
  });

  test('would make events unreadable where what it sealed were not left out', async () => {
    const { broken, owner } = await aBrokenTask();
    const weakened = await startWeakened(service);
    const headers = { authorization: `Bearer ${owner.token}` };
    const status = async () => (await fetch(`${weakened.url}/api/v1/events?limit=100`, { headers })).status;
    expect(await eventually(status, (status) => status === 200)).toBe(200);
    await weakened.without('what a key that does not open has sealed is left out');
    expect(await status()).toBe(500);
    await weakened.stop();
    await flipKeyOf(`task-${broken}`);
  });

  test('keeps nobody from being erased', async () => {
    const { broken, here } = await aBrokenTask();
    expect(await here.post('/auth/me/erase', { password: 'Passw0rd-of-mine' })).toMatchObject({ status: 204 });
    const left = () => pool.query(`select from event_log.data_keys where subject = $1 and wrapped <> ''`, [`task-${broken}`]);
    expect(await eventually(left, ({ rowCount }) => rowCount === 0)).toMatchObject({ rowCount: 0 });
  });
});
