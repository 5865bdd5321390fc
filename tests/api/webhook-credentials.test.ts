import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { createClient, startTestService, type TestService } from '../support/service.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import { makeToken } from './authorisation/tokens.ts';
import { anOwner, causes, creators, resetPassword, type World } from './webhook-creators.ts';

let service: TestService;
let other: TestService;
let world: World;

beforeAll(async () => {
  service = await startTestService({ WEBHOOK_ALLOW_PRIVATE: 'true' });
  other = await startTestService({ ...service.sameStores, WEBHOOK_ALLOW_PRIVATE: 'true' });
  const pool = new pg.Pool({ connectionString: service.connectionString, max: 2 });
  world = { url: service.url, admin: await service.admin(), pool, receiver: await startReceiver() };
}, 60_000);
afterAll(async () => {
  await world?.pool.end();
  await world?.receiver.stop();
  await other?.stop();
  await service?.stop();
});
afterEach(() => {
  world.receiver.answer = (_, response) => void response.writeHead(204).end();
  world.receiver.received = [];
});

const code = ({ status, body }: { status: number; body: { error?: { code: string } } }) => [status, body?.error?.code];
const came = (path: string) => world.receiver.received.filter((request) => request.path === path);
const row = async (id: string) => (await world.pool.query('select * from webhooks.webhooks where id = $1', [id])).rows[0];

describe.each(causes)('when $cause', ({ reason, stops, cause, end }) => {
  test(`${stops.join(', ')}: the webhook receives nothing more, and every other continues`, async () => {
    const { receiver, pool, admin } = world;
    const owner = await anOwner(world, `owner-${causes.findIndex((one) => one.cause === cause)}`);
    const goOn = creators.filter((creator) => !stops.includes(creator));
    receiver.answer = (_, response) => void response.writeHead(503, { 'retry-after': '3600' }).end();
    const { id } = (await owner.by['a session'].post('/tasks', { title: 'Water the plants' })).body;
    await receiver.until(3);

    await end(owner, world);
    receiver.received = [];
    receiver.answer = (_, response) => void response.writeHead(204).end();
    // The hour is over, and something else happens.
    await pool.query(`update webhooks.queues set due_at = now() where waiting > 0 and due_at > now()`);
    const witness = (await admin.post('/webhooks', { url: `${receiver.url}/witness`, types: ['task.edited'] })).body;
    expect((await admin.patch(`/tasks/${id}`, { title: 'Water the trees' })).status).toBe(200);
    await receiver.until(1, ({ path }) => path === '/witness');
    for (const creator of goOn) await receiver.until(2, ({ path }) => path === owner.hooks[creator].path);
    await pause(200);

    for (const creator of creators) {
      const { id: hookId, path } = owner.hooks[creator];
      const stopped = await eventually(
        () => row(hookId),
        ({ active }) => active !== stops.includes(creator),
      );
      expect([creator, came(path).length, stopped.disabled_reason]).toEqual([
        creator,
        ...(stops.includes(creator) ? [0, reason] : [2, null]),
      ]);
      if (!stops.includes(creator)) continue;
      await eventually(
        async () => (await pool.query(`select from webhooks.deliveries where webhook_id = $1 and status = 'waiting'`, [hookId])).rowCount,
        (waiting) => waiting === 0,
      );
    }
    // Asked for by those who still may.
    const asked = owner.by['a session'];
    if (goOn.length > 0) {
      const hook = owner.hooks[stops[0]!];
      const { items } = (await asked.get(`/webhooks/${hook.id}/deliveries`)).body;
      const answers = [
        await asked.post(`/webhooks/${hook.id}/test`),
        await asked.post(`/webhooks/${hook.id}/deliveries/${items[0].id}/redeliver`),
      ];
      expect(answers.map(({ status, body }) => [status, body.status])).toEqual([[202, 'cancelled'], [202, 'cancelled']]); // biome-ignore format: a list
      const { body: job } = await asked.post(`/webhooks/${hook.id}/replay`, { after: '0' });
      await eventually(
        async () => (await asked.send('GET', `/async/tasks/${job.id}`)).body.status,
        (status) => status === 'failed',
      );
      expect(came(hook.path)).toEqual([]);
    }
    const notified = `select details ->> 'webhook_id' as id from notifications.inbox where user_id = $1 and kind = 'webhook_disabled'`;
    await eventually(
      async () => (await pool.query(notified, [asked.id])).rows.map((notice) => notice.id).sort(),
      (ids) =>
        reason === 'account_disabled' ||
        ids.join() ===
          stops
            .map((creator) => owner.hooks[creator].id)
            .sort()
            .join(),
    );
    await admin.delete(`/webhooks/${witness.id}`);
  }, 30_000);
});

test('a stopped webhook is reactivated by a session or a token that may, which is then its maker', async () => {
  const owner = await anOwner(world, 'returning');
  await resetPassword(owner, world);
  const { access_token } = (await service.anonymous.post('/auth/login', { username: 'returning', password: 'Passw0rd-of-mine-3' })).body;
  const session = createClient(other.url, access_token);
  const hook = owner.hooks['a token'];
  expect((await session.get(`/webhooks/${hook.id}`)).body).toMatchObject({
    active: false,
    disabled_reason: 'password_reset',
    made_by: { kind: 'token', token_id: owner.tokenId },
  });
  const reactivated = await session.patch(`/webhooks/${hook.id}`, { active: true });
  expect(reactivated.body).toMatchObject({
    active: true,
    disabled_at: null,
    disabled_reason: null,
    made_by: { kind: 'session', token_id: null },
  });
  await session.post('/tasks', { title: 'Here again' });
  await world.receiver.until(1, ({ path }) => path === hook.path);
  const { id, token } = await makeToken(session, ['webhooks:manage']);
  const moved = await createClient(service.url, token).patch(`/webhooks/${hook.id}`, { url: `${world.receiver.url}/moved` });
  expect(moved.body.made_by).toEqual({ kind: 'token', token_id: id });
  const kinds = async () => (await session.get('/notifications?limit=100')).body.items.map(({ kind }: { kind: string }) => kind);
  const notices = await eventually(kinds, (all) => all.filter((kind: string) => kind === 'webhook_changed').length === 2);
  expect(notices.filter((kind: string) => kind === 'webhook_created')).toHaveLength(3);
});

test('a webhook takes a verified address, or one that an admin gave, and the scope for it', async () => {
  const stranger = await service.someone('stranger');
  const body = { url: `${world.receiver.url}/stranger`, types: ['task.*'] };
  expect(code(await stranger.post('/webhooks', body))).toEqual([403, 'EMAIL_NOT_VERIFIED']);
  await world.pool.query('update accounts.users set email_verified = true where id = $1', [stranger.id]);
  const { id } = (await stranger.post('/webhooks', body)).body;
  await stranger.patch(`/webhooks/${id}`, { active: false });
  await world.pool.query('update accounts.users set email_verified = false where id = $1', [stranger.id]);
  for (const change of [{ active: true }, { url: `${world.receiver.url}/elsewhere` }])
    expect(code(await stranger.patch(`/webhooks/${id}`, change))).toEqual([403, 'EMAIL_NOT_VERIFIED']);
  expect((await stranger.patch(`/webhooks/${id}`, { description: 'Off' })).status).toBe(200);

  const given = { email: 'given@tasks.test', username: 'given', password: 'Passw0rd-of-mine' };
  expect((await world.admin.post('/admin/users', given)).status).toBe(201);
  const { access_token } = (await service.anonymous.post('/auth/login', { username: 'given', password: given.password })).body;
  const employee = createClient(service.url, access_token);
  expect((await employee.post('/webhooks', body)).status).toBe(201);
  const reading = createClient(service.url, (await makeToken(employee, ['events:read'])).token);
  expect((await reading.get('/webhooks')).status).toBe(200);
  expect(code(await reading.post('/webhooks', body))).toEqual([403, 'INSUFFICIENT_SCOPE']);
});

test('an account is said to be compromised only with all its sessions', async () => {
  const ann = await service.someone('ann');
  for (const body of [{ compromised: true }, { compromised: true, all: false }]) {
    const refused = await ann.post('/auth/logout', body);
    expect(code(refused)).toEqual([422, 'VALIDATION_FAILED']);
    expect(refused.body.error.details).toEqual([expect.objectContaining({ path: 'compromised', code: 'conflicts_with' })]);
  }
  const { token } = await makeToken(ann, ['tasks:read']);
  await ann.post('/auth/me/email', { new_email: 'thief@tasks.test', password: 'Passw0rd-of-mine' });
  expect((await ann.post('/auth/logout', { all: true, compromised: true })).status).toBe(204);
  expect((await createClient(other.url, token).get('/tasks')).status).toBe(401);
  expect(
    (await world.pool.query(`select from accounts.mail_links where user_id = $1 and purpose = 'email_change'`, [ann.id])).rowCount,
  ).toBe(0);
});
