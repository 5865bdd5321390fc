import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { created } from '../support/happenings.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { adminAccount, type Client, createClient } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import { openBesideLog } from '../support/written-tasks.ts';
import { anOwner, causes, type World } from './webhook-creators.ts';

const asAdmin = { ADMIN_EMAIL: adminAccount.email, ADMIN_USERNAME: adminAccount.username, ADMIN_PASSWORD: adminAccount.password };

let testDatabase: TestDatabase;
let database: pg.Client;
let weakened: Weakened;
let ann: Client;
let world: World;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  weakened = await startWeakened({
    sameStores: { DATABASE_URL: testDatabase.connectionString, WEBHOOK_ALLOW_PRIVATE: 'true', ...asAdmin },
  });
  const body = { email: 'ann@tasks.test', username: 'ann', password: 'Passw0rd-of-mine' };
  const { access_token: token, user } = (await createClient(weakened.url).post('/auth/register', body)).body;
  ann = { ...createClient(weakened.url, token), id: user.id, username: user.username };
  database = new pg.Client(testDatabase.connectionString);
  await database.connect();
  await database.query('update accounts.users set email_verified = true');
  const { username, password } = adminAccount;
  const { access_token } = (await createClient(weakened.url).post('/auth/login', { username, password })).body;
  const pool = new pg.Pool({ connectionString: testDatabase.connectionString, max: 2 });
  world = { url: weakened.url, admin: createClient(weakened.url, access_token), pool, receiver: await startReceiver() };
}, 60_000);
afterAll(async () => {
  await world?.pool.end();
  await world?.receiver.stop();
  await database?.end();
  await weakened?.stop();
  await testDatabase?.drop();
});
afterEach(async () => {
  await weakened.without();
  await database.query('delete from webhooks.webhooks');
});

/** A webhook for which deliveries wait for an hour to come, in as many queues. */
async function backlog(deliveries: number): Promise<string> {
  const { id } = (await ann.post('/webhooks', { url: 'http://127.0.0.1:1/', types: ['task.*'] })).body;
  await database.query(
    `with fresh as (
       insert into webhooks.deliveries (webhook_id, event_id, stream, revision, type)
       select $1, gen_random_uuid(), 'task-' || n, 0, 'tasktrail.task.edited.v1' from generate_series(1, $2::integer) n returning *)
     insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at)
     select webhook_id, lane, stream, 1, now() + interval '1 hour' from fresh`,
    [id, deliveries],
  );
  return id;
}

test('switching a webhook off is answered although what waits for it cannot be cancelled just now, and that is done later', async () => {
  await database.query(`
    create function webhooks.refuse() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$;
    create trigger refuse before update of status on webhooks.deliveries for each row when (new.status = 'cancelled') execute function webhooks.refuse()`);
  const waiting = async (id: string) =>
    (await database.query(`select from webhooks.deliveries where webhook_id = $1 and status = 'waiting'`, [id])).rowCount;
  const id = await backlog(4_000);
  const off = await ann.patch(`/webhooks/${id}`, { active: false });
  expect([off.status, off.body.active, await waiting(id)]).toEqual([200, false, 4_000]);

  const other = await backlog(1);
  await weakened.without('a change of a webhook is answered before its deliveries are cancelled');
  expect((await ann.patch(`/webhooks/${other}`, { active: false })).status).toBe(500);

  await database.query('drop trigger refuse on webhooks.deliveries; drop function webhooks.refuse');
  await eventually(
    () => waiting(id),
    (count) => count === 0,
  );
}, 60_000);

test.each(causes)(
  'without its defence, a webhook goes on when $cause',
  async ({ defence, stops, end }) => {
    const owner = await anOwner(world, `owner-${causes.findIndex((one) => one.end === end)}`);
    const { id } = (await owner.by['a session'].post('/tasks', { title: 'Water the plants' })).body;
    await world.receiver.until(3, ({ event }) => event.data.task.id === id);
    await weakened.without(defence);
    await end(owner, world);
    expect((await world.admin.patch(`/tasks/${id}`, { title: 'Water the trees' })).status).toBe(200);
    // A webhook of a token that ended is barred by that already.
    const others = stops.filter((creator) => stops.length === 1 || creator !== 'a token');
    for (const creator of others)
      await world.receiver.until(1, ({ path, event }) => path === owner.hooks[creator].path && event.type.includes('edited'));
  },
  30_000,
);

test('without that defence, a webhook is made with an address that was never verified', async () => {
  await database.query('update accounts.users set email_verified = false where id = $1', [ann.id]);
  const body = { url: `${world.receiver.url}/unverified`, types: ['task.*'] };
  expect((await ann.post('/webhooks', body)).status).toBe(403);
  await weakened.without('a webhook takes a verified address');
  expect((await ann.post('/webhooks', body)).status).toBe(201);
});

test('a replay keeps a bounded number of deliveries ahead of a receiver that does not answer, and ends when that is well', async () => {
  const log = await openBesideLog({ sameStores: { DATABASE_URL: testDatabase.connectionString } });
  const happenings = [{ ...created({ owner_id: ann.id }), by: ann.id }];
  const tasks = 1_300;
  const some = () => Array.from({ length: tasks / 5 }, () => ({ taskId: randomUUID(), happenings }));
  for (let part = 0; part < 5; part++) await log.write(some());
  await log.close();
  await database.query('update accounts.users set email_verified = true where id = $1', [ann.id]);
  const hookAt = async (path: string) => (await ann.post('/webhooks', { url: world.receiver.url + path, types: ['task.created'] })).body.id;
  const rows = async (id: string) =>
    (await database.query(`select from webhooks.deliveries where webhook_id = $1 and kind = 'replay'`, [id])).rowCount!;
  const replay = (id: string) => ann.post(`/webhooks/${id}/replay`, { after: '0' });
  const held: (() => void)[] = [];
  world.receiver.answer = (_, response) => void held.push(() => response.writeHead(204).end());

  const hook = await hookAt('/slow');
  const { body: job } = await replay(hook);
  expect((await replay(hook)).body.error).toMatchObject({ code: 'LIMIT_REACHED', details: [{ limit: 1 }] });
  await eventually(
    () => rows(hook),
    (count) => count > 900,
  );
  expect((await ann.send('GET', `/async/tasks/${job.id}`)).body).toMatchObject({ finished_at: null });

  await weakened.without('a replay queues so many deliveries ahead of its receiver');
  const unbounded = await hookAt('/unbounded');
  expect((await replay(unbounded)).status).toBe(202);
  await eventually(
    () => rows(unbounded),
    (count) => count >= tasks,
  );
  await weakened.without();
  expect((await replay(await hookAt('/third'))).status).toBe(202);
  expect((await replay(await hookAt('/fourth'))).body.error).toMatchObject({ code: 'LIMIT_REACHED', details: [{ limit: 2 }] });

  expect(await rows(hook)).toBeLessThanOrEqual(1_000);
  world.receiver.answer = (_, response) => void response.writeHead(204).end();
  for (const answer of held) answer();
  await eventually(
    async () => (await ann.send('GET', `/async/tasks/${job.id}`)).body.status,
    (status) => status === 'succeeded',
  );
  expect(await rows(hook)).toBeGreaterThanOrEqual(tasks);
}, 90_000);

test('the job of another user is taken before the second of one who asked earlier, and without that in the order of arrival', async () => {
  const start = async (client: Client, step_ms: number) =>
    (await client.send('POST', '/async/background-task', { body: JSON.stringify({ steps: 1, step_ms }) })).body.id as string;
  const startedAt = (id: string) =>
    eventually(
      async () => (await world.admin.send('GET', `/async/tasks/${id}`)).body,
      ({ finished_at }) => finished_at !== null,
    ).then(({ started_at }) => started_at as string);
  const isInTurn = async () => {
    // Two run at a time: one place is taken for longer, and the other becomes free for whose turn it is.
    for (const milliseconds of [1_000, 400]) await start(ann, milliseconds);
    const [second, first] = [await start(ann, 0), await start(world.admin, 0)];
    return (await startedAt(first)) < (await startedAt(second));
  };
  expect(await isInTurn()).toBe(true);
  await weakened.without('jobs are taken in turn');
  await eventually(
    async () => (await database.query(`select from pgboss.job where name = 'background-task' and state < 'completed'`)).rowCount,
    (unfinished) => unfinished === 0,
  );
  expect(await isInTurn()).toBe(false);
}, 60_000);
