import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { type Client, type Reply, startTestService, type TestService } from '../support/service.ts';
import { type Received, type Receiver, startReceiver } from '../support/webhook-receiver.ts';
import { makeToken } from './authorisation/tokens.ts';

let service: TestService;
let other: TestService;
let receiver: Receiver;
let database: pg.Client;
let [ann, bob, admin]: Client[] = [];

beforeAll(async () => {
  service = await startTestService({ WEBHOOK_ALLOW_PRIVATE: 'true' });
  other = await startTestService({ ...service.sameStores, WEBHOOK_ALLOW_PRIVATE: 'true' });
  receiver = await startReceiver();
  database = new pg.Client(service.connectionString);
  await database.connect();
  [ann, bob, admin] = await Promise.all([service.someone('ann'), service.someone('bob'), service.admin()]);
  await Promise.all([ann!, bob!].map(service.verifyAddress));
}, 60_000);
afterAll(async () => {
  await database?.end();
  await receiver?.stop();
  await other?.stop();
  await service?.stop();
});
afterEach(async () => {
  receiver.answer = (_, response) => void response.writeHead(204).end();
  await database.query('delete from webhooks.webhooks');
  receiver.received = [];
});

let paths = 0;
/** A webhook of somebody's, at an address of its own. */
const webhook = async (client: Client, body: object = {}) => {
  const path = `/${paths++}`;
  const made = await client.post('/webhooks', { url: receiver.url + path, types: ['*'], ...body });
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
  const ofIt = (request: Received) => request.path === path;
  const { id, url, secret }: Record<'id' | 'url' | 'secret', string> = made.body;
  return {
    id,
    url,
    secret,
    path,
    came: () => receiver.received.filter(ofIt),
    until: (count: number): Promise<Received[]> => receiver.until(count, ofIt),
  };
};
const aTask = async (client: Client, body: object = {}) => (await client.post('/tasks', { title: 'Water the plants', ...body })).body;
const code = ({ status, body }: Reply) => [status, body?.error?.code];
const short = ({ event }: Received) => String(event.type).replace(/^tasktrail\.|\.v1$/g, '');
const eventually = async <T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> => {
  for (const end = performance.now() + 10_000; ; await pause(20)) {
    const value = await read();
    if (holds(value)) return value;
    if (performance.now() > end) throw new Error(`never came: ${JSON.stringify(value)}`);
  }
};
const deliveries = async (client: Client, id: string, query = '') => (await client.get(`/webhooks/${id}/deliveries${query}`)).body;
const settled = (client: Client, id: string, query = '') =>
  eventually(
    () => deliveries(client, id, query),
    ({ items }) => items.length > 0 && items.every(({ status }: { status: string }) => status !== 'waiting'),
  );
/** That nothing comes is seen by something that comes later. */
const nothingMore = async (one: Awaited<ReturnType<typeof webhook>>, client: Client) => {
  const count = one.came().length;
  const { id } = await aTask(client);
  const all = await one.until(count + 1);
  expect(all.slice(count).map(({ event }) => event.data.task.id)).toEqual([id]);
};

describe('a webhook', () => {
  test('is made, read, listed, changed and deleted by its owner, who is shown its secret once', async () => {
    const url = `${receiver.url}/mine`;
    const made = await ann!.post('/webhooks', { url, types: ['task.*', 'comment.added', 'task.*'], description: ' For the board ' });
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    const { secret, ...shown } = made.body;
    expect(Buffer.from(secret.replace('whsec_', ''), 'base64').length).toBe(32);
    const { id } = shown;
    expect(made.headers.get('location')).toBe(`/api/v1/webhooks/${id}`);
    const made_by = { kind: 'session', token_id: null };
    const times = { created_at: expect.any(String), updated_at: expect.any(String), disabled_at: null, disabled_reason: null };
    expect(shown).toEqual({ id, url, types: ['task.*', 'comment.added'], description: 'For the board', active: true, made_by, ...times });
    expect((await ann!.get(`/webhooks/${id}`)).body).toEqual(shown);
    expect((await ann!.get('/webhooks')).body).toEqual({ items: [shown], total: 1, page: 1, per_page: 20, pages: 1, next_cursor: null });
    expect((await bob!.get('/webhooks')).body.items).toEqual([]);
    const patched = await ann!.patch(`/webhooks/${id}`, { active: false, types: ['*'] });
    expect(patched.body).toEqual({ ...shown, active: false, types: ['*'], updated_at: patched.body.updated_at });
    const spelt = await ann!.patch(`/webhooks/${id}`, { url: `  ${url.replace('http:', 'HTTP:').replace('/mine', '/a/../mine')} ` });
    expect(spelt.body).toEqual(patched.body);
    const again = await ann!.patch(`/webhooks/${id}`, { active: false });
    expect(again.body).toEqual(patched.body);
    expect((await ann!.delete(`/webhooks/${id}`)).status).toBe(204);
    expect(code(await ann!.get(`/webhooks/${id}`))).toEqual([404, 'WEBHOOK_NOT_FOUND']);
    expect(code(await ann!.delete(`/webhooks/${id}`))).toEqual([404, 'WEBHOOK_NOT_FOUND']);
    const told = (await ann!.get('/activity?limit=10')).body.items.filter(
      ({ details }: { details: { webhook_id?: string } }) => details.webhook_id === id,
    );
    expect(told.map(({ action }: { action: string }) => action)).toEqual(['deleted', 'updated', 'created']);
    expect(told[1].details.new_values).toEqual({ active: false, types: ['*'] });
    expect(service.log.join('')).not.toContain(secret);
    expect(await service.storedText()).not.toContain(receiver.url);
  });

  test.each([
    [{ url: 'nowhere', types: ['*'] }, 'url', 'format'],
    [{ types: ['*'] }, 'url', 'required'],
    [{ url: 'http://127.0.0.1', types: [] }, 'types', 'too_small'],
    [{ url: 'http://127.0.0.1', types: ['task.nothing'] }, 'types.0', 'not_one_of'],
    [{ url: 'http://127.0.0.1', types: ['*'], secret: 'whsec_short' }, 'secret', 'format'],
    [{ url: 'http://127.0.0.1', types: ['*'], secret: randomBytes(32).toString('base64') }, 'secret', 'format'],
    [{ url: 'http://127.0.0.1', types: ['*'], events: [] }, 'events', 'unknown_key'],
  ])('is not made of %j', async (body, path, fault) => {
    const reply = await ann!.post('/webhooks', body);
    expect(code(reply)).toEqual([422, 'VALIDATION_FAILED']);
    expect(reply.body.error.details).toEqual([expect.objectContaining({ path, ...(fault !== 'too_small' && { code: fault }) })]);
  });

  test('is one of twenty at most, however many are made at once', async () => {
    const made = await Promise.all(Array.from({ length: 23 }, () => ann!.post('/webhooks', { url: receiver.url, types: ['user.erased'] })));
    expect(made.filter(({ status }) => status === 201)).toHaveLength(20);
    const [refused] = made.filter(({ status }) => status !== 201);
    expect([...code(refused!), refused!.body.error.details]).toEqual([409, 'LIMIT_REACHED', [{ limit: 20 }]]);
  });
});

describe('what happens', () => {
  test('is sent from the creation of the webhook on, each event once, in the order of each task, as the feed has it', async () => {
    await aTask(ann!, { title: 'Before' });
    const hook = await webhook(ann!);
    const task = await aTask(ann!);
    const comment = (await ann!.post(`/tasks/${task.id}/comments`, { content: 'With rain water' })).body;
    await ann!.patch(`/tasks/${task.id}`, { title: 'Water the trees', status: 'done' });
    const came = await hook.until(4);
    expect(came.map(short)).toEqual(['task.created', 'comment.added', 'task.edited', 'task.transitioned']);
    const feed = (await ann!.get('/events?after=0&limit=500')).body.events.filter(({ id }: { id: string }) =>
      came.some(({ event }) => event.id === id),
    );
    expect(came.map(({ event }) => event)).toEqual(feed);
    expect(came[1]!.event.data).toMatchObject({
      comment_id: comment.id,
      content: 'With rain water',
      task: { id: task.id, title: 'Water the plants' },
    });
    for (const { headers, event } of came) {
      expect(headers['webhook-id']).toBe(event.id);
      expect(headers['content-type']).toBe('application/cloudevents+json');
      expect(headers).not.toHaveProperty('tasktrail-replay');
    }
    await nothingMore(hook, ann!);
  });

  test('is sent to each webhook by its types', async () => {
    const [transitions, own, comments] = [
      await webhook(ann!, { types: ['task.transitioned'] }),
      await webhook(ann!, { types: ['user.*'] }),
      await webhook(ann!, { types: ['comment.*'] }),
    ];
    const task = await aTask(ann!);
    await ann!.post(`/tasks/${task.id}/transition`, { target_status: 'done' });
    await ann!.post(`/tasks/${task.id}/comments`, { content: 'Done' });
    await ann!.patch('/auth/me', { full_name: 'Ann A. Example' });
    await Promise.all([transitions.until(1), comments.until(1), own.until(2)]);
    expect([transitions, comments, own].map((hook) => hook.came().map(short))).toEqual([
      ['task.transitioned'],
      ['comment.added'],
      // Not its own, but that of the one made after it.
      ['user.webhook_created', 'user.profile_changed'],
    ]);
  });

  test('is sent as far as the owner of the webhook may see it: losing access tells ids, and then nothing', async () => {
    const hook = await webhook(bob!);
    const task = await aTask(ann!);
    await ann!.post(`/tasks/${task.id}/comments`, { content: 'Between us' });
    await nothingMore(hook, bob!);
    await ann!.post(`/tasks/${task.id}/share`, { user_id: bob!.id, permission: 'view' });
    await hook.until(2);
    await ann!.post(`/tasks/${task.id}/comments`, { content: 'Among us' });
    await hook.until(3);
    await ann!.delete(`/tasks/${task.id}/share/${bob!.id}`);
    await hook.until(4);
    await ann!.post(`/tasks/${task.id}/comments`, { content: 'Without you' });
    await nothingMore(hook, bob!);
    const [, shared, commented, lost] = hook.came();
    expect([shared, commented, lost].map((one) => short(one!))).toEqual(['task.shared', 'comment.added', 'task.unshared']);
    expect(lost!.event.data).toEqual({ task: { id: task.id } });
    expect(JSON.stringify(hook.came())).not.toMatch(/Between us|Without you/);
  });

  test('is looked at again when it is sent: what was taken away or erased meanwhile is not told', async () => {
    receiver.answer = (_, response) => void response.writeHead(503, { 'retry-after': '3600' }).end();
    const hook = await webhook(bob!);
    const carl = await service.someone('carl');
    const [task, kept] = [await aTask(ann!), await aTask(ann!)];
    for (const { id } of [task, kept])
      for (const { id: user_id } of [bob!, carl]) await ann!.post(`/tasks/${id}/share`, { user_id, permission: 'view' });
    await ann!.post(`/tasks/${task.id}/comments`, { content: 'Secret between us' });
    await carl.post(`/tasks/${kept.id}/comments`, { content: 'Words of Carl' });
    await eventually(
      () => deliveries(bob!, hook.id, '?limit=100&types=comment.added'),
      ({ total }) => total === 2,
    );
    await hook.until(2);
    await ann!.delete(`/tasks/${task.id}/share/${bob!.id}`);
    await carl.post('/auth/me/erase', { password: 'Passw0rd-of-mine' });
    await eventually(
      () => deliveries(bob!, hook.id, '?limit=100&types=task.unshared'),
      ({ total }) => total >= 2,
    );
    receiver.answer = (_, response) => void response.writeHead(204).end();
    const before = hook.came().length;
    await bob!.patch(`/webhooks/${hook.id}`, { url: `${receiver.url}${hook.path}?` });
    const { items } = await settled(bob!, hook.id, '?limit=100');
    const came = receiver.received.slice(before).map(({ event }) => event);
    const ofTask = items.filter(({ partitionkey }: { partitionkey: string }) => partitionkey === `task-${task.id}`);
    expect(ofTask.map(({ status }: { status: string }) => status)).toEqual(['delivered', ...ofTask.slice(1).map(() => 'withheld')]);
    expect(came.filter(({ subject }) => subject.includes(task.id)).map(({ data }) => data)).toEqual([{ task: { id: task.id } }]);
    const comment = came.find(({ type, subject }) => type.includes('comment.added') && subject.includes(kept.id));
    expect([comment.data.content, comment.redacted]).toEqual([null, '/content']);
    expect(JSON.stringify(came)).not.toMatch(/Secret between us|Words of Carl/);
  });

  test('is sent to an admin whosesoever it is, but not through a token that was not given that', async () => {
    const { token } = await makeToken(admin!, ['webhooks:manage', 'tasks:write']);
    const [all, own] = [await webhook(admin!), await webhook(service.as({ ...admin!, token }))];
    const task = await aTask(ann!);
    expect((await all.until(1))[0]!.event.data.task.id).toBe(task.id);
    await admin!.patch('/auth/me', {});
    const mine = await aTask(admin!);
    expect((await own.until(1)).map(({ event }) => event.data.task.id)).toEqual([mine.id]);
    expect(code(await service.as({ ...ann!, token: (await makeToken(ann!, ['tasks:write'])).token }).get('/webhooks'))).toEqual([
      403,
      'INSUFFICIENT_SCOPE',
    ]);
  });
});

describe('a signature', () => {
  const verifies = (secret: string, { body, headers }: Received) => {
    try {
      new Webhook(secret).verify(body, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  };

  test('is verified by another implementation of Standard Webhooks, and by no other secret or body', async () => {
    const secret = `whsec_${randomBytes(24).toString('base64')}`;
    const hook = await webhook(ann!, { secret });
    expect(hook.secret).toBe(secret);
    await aTask(ann!, { title: 'Grüße 🌱' });
    const [came] = await hook.until(1);
    expect(verifies(secret, came!)).toBe(true);
    expect(verifies(`whsec_${randomBytes(24).toString('base64')}`, came!)).toBe(false);
    expect(verifies(secret, { ...came!, body: came!.body.replace('🌱', '🌳') })).toBe(false);
    expect(verifies(secret, { ...came!, headers: { ...came!.headers, 'webhook-id': 'x' } })).toBe(false);
  });

  test('is by both secrets for a day after a rotation', async () => {
    const hook = await webhook(ann!);
    const rotated = await ann!.post(`/webhooks/${hook.id}/rotate`);
    expect([rotated.status, rotated.body.id]).toEqual([200, hook.id]);
    const given = `whsec_${randomBytes(64).toString('base64')}`;
    expect((await ann!.post(`/webhooks/${hook.id}/rotate`, { secret: given })).body.secret).toBe(given);
    await aTask(ann!);
    const [came] = await hook.until(1);
    expect([hook.secret, rotated.body.secret, given].map((secret) => verifies(secret, came!))).toEqual([true, true, true]);
    expect(String(came!.headers['webhook-signature']).split(' ')).toHaveLength(3);
    await database.query(`update webhooks.secrets set ends_at = ends_at - interval '24 hours' where ends_at is not null`);
    await aTask(ann!);
    const [, later] = await hook.until(2);
    expect([hook.secret, rotated.body.secret, given].map((secret) => verifies(secret, later!))).toEqual([false, false, true]);
    const { rows } = await database.query('select sealed from webhooks.secrets');
    for (const { sealed } of rows) expect(sealed.includes(Buffer.from(given.slice(6), 'base64'))).toBe(false);
  });
});

describe('a delivery', () => {
  test('that fails is tried again with the same id until it is well, and its log tells', async () => {
    let failures = 1;
    receiver.answer = (_, response) => void response.writeHead(failures-- > 0 ? 500 : 200).end();
    const hook = await webhook(ann!);
    const task = await aTask(ann!);
    const [first, second] = await hook.until(2);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(second!.at - first!.at).toBeGreaterThan(700);
    const { items, total } = await settled(ann!, hook.id);
    expect(total).toBe(1);
    expect(items[0]).toMatchObject({
      webhook_id: hook.id,
      kind: 'event',
      event_id: first!.event.id,
      position: first!.event.position,
      revision: 0,
      partitionkey: `task-${task.id}`,
      status: 'delivered',
      attempts: 2,
      response_status: 200,
      error: null,
    });
    for (const query of ['status=delivered', 'kind=event', 'types=task.*', `event_id=${first!.event.id}`, 'start_date=2020-01-01'])
      expect([query, (await deliveries(ann!, hook.id, `?${query}`)).total]).toEqual([query, 1]);
    for (const query of ['status=failed,waiting', 'kind=test', 'types=comment.*', `event_id=${hook.id}`, 'end_date=2020-01-01'])
      expect([query, (await deliveries(ann!, hook.id, `?${query}`)).total]).toEqual([query, 0]);
    expect(code(await bob!.get(`/webhooks/${hook.id}/deliveries`))).toEqual([404, 'WEBHOOK_NOT_FOUND']);
  });

  test('is listed page by page', async () => {
    const hook = await webhook(ann!);
    for (let n = 0; n < 5; n++) await aTask(ann!);
    await hook.until(5);
    const first = await deliveries(ann!, hook.id, '?limit=3');
    const rest = await deliveries(ann!, hook.id, `?limit=3&cursor=${first.next_cursor}`);
    const ids = [...first.items, ...rest.items].map(({ id }) => id);
    expect([first.total, first.pages, new Set(ids).size, rest.next_cursor]).toEqual([5, 2, 5, null]);
  });

  test('is made again on demand, once, with the same id', async () => {
    const hook = await webhook(ann!);
    await aTask(ann!);
    const [first] = await hook.until(1);
    const { items } = await settled(ann!, hook.id);
    const again = await ann!.post(`/webhooks/${hook.id}/deliveries/${items[0].id}/redeliver`);
    expect([again.status, again.body.kind, again.body.event_id]).toEqual([202, 'redelivery', first!.event.id]);
    const [, second] = await hook.until(2);
    expect([second!.body, second!.headers['webhook-id']]).toEqual([first!.body, first!.headers['webhook-id']]);
    for (const id of ['nothing', hook.id])
      expect(code(await ann!.post(`/webhooks/${hook.id}/deliveries/${id}/redeliver`))).toEqual([404, 'DELIVERY_NOT_FOUND']);
  });

  test('of a test event is made on demand, also while the webhook is not active', async () => {
    const hook = await webhook(ann!, { types: ['user.erased'] });
    await ann!.patch(`/webhooks/${hook.id}`, { active: false });
    const asked = await ann!.post(`/webhooks/${hook.id}/test`);
    expect([asked.status, asked.body.status]).toEqual([202, expect.any(String)]);
    const [{ event }] = (await hook.until(1)) as [Received];
    expect([event.type, event.id, event.data]).toEqual(['tasktrail.webhook.test.v1', asked.body.event_id, { webhook_id: hook.id }]);
  });

  test('answered with 410 disables the webhook, which its owner is told of and can take back', async () => {
    const hook = await webhook(ann!);
    receiver.answer = (_, response) => void response.writeHead(410).end();
    await aTask(ann!);
    const gone = await eventually(
      async () => (await ann!.get(`/webhooks/${hook.id}`)).body,
      ({ active }) => !active,
    );
    expect([gone.disabled_reason, gone.disabled_at]).toEqual(['gone', expect.any(String)]);
    const told = await eventually(
      async () => (await ann!.get('/events?after=0&limit=500&types=user.webhook_disabled')).body.events,
      (events) => events.length > 0,
    );
    expect(told.at(-1)).toMatchObject({ authtype: 'system', data: { webhook_id: hook.id, reason: 'gone' } });
    receiver.answer = (_, response) => void response.writeHead(204).end();
    await aTask(ann!, { title: 'Not told' });
    expect((await ann!.patch(`/webhooks/${hook.id}`, { active: true })).body).toMatchObject({
      active: true,
      disabled_at: null,
      disabled_reason: null,
    });
    await aTask(ann!, { title: 'Told' });
    const came = await hook.until(2);
    expect(came[1]!.event.data.title).toBe('Told');
  });
});

test('a piece of the log is sent again as it was, marked, in order, and only what its owner may see', async () => {
  const task = await aTask(ann!);
  for (let n = 0; n < 3; n++) await ann!.patch(`/tasks/${task.id}`, { title: `Water ${n}` });
  const theirs = await aTask(bob!);
  const hook = await webhook(ann!);
  const from = String(BigInt(task.position ?? 0));
  const { body: feed } = await ann!.get('/events?after=0&limit=500&types=task.*');
  const accepted = await ann!.post(`/webhooks/${hook.id}/replay`, { after: from, types: ['task.*'] });
  expect([accepted.status, accepted.headers.get('location')]).toEqual([202, `/async/tasks/${accepted.body.id}`]);
  const came = await hook.until(feed.events.length);
  const byTask = (events: { id: string; partitionkey: string }[]) =>
    events.filter(({ partitionkey }) => partitionkey === `task-${task.id}`).map(({ id }) => id);
  expect(byTask(came.map(({ event }) => event))).toEqual(byTask(feed.events));
  expect(came.map(({ event }) => event.id).sort()).toEqual(feed.events.map(({ id }: { id: string }) => id).sort());
  expect(came.every(({ headers }) => headers['tasktrail-replay'] === 'true')).toBe(true);
  expect(JSON.stringify(came)).not.toContain(theirs.id);
  const job = await eventually(
    async () => (await ann!.send('GET', `/async/tasks/${accepted.body.id}`)).body,
    ({ status }) => status !== 'running' && status !== 'queued',
  );
  expect(job).toMatchObject({ status: 'succeeded', error: null });
  const until = feed.events[0].position;
  await ann!.post(`/webhooks/${hook.id}/replay`, { after: '0', until });
  await hook.until(feed.events.length + 1);
  await nothingMore(hook, ann!);
  for (const body of [{}, { after: 'x' }, { after: '-1' }, { after: '0', types: ['x'] }])
    expect(code(await ann!.post(`/webhooks/${hook.id}/replay`, body))).toEqual([422, 'VALIDATION_FAILED']);
});

test('a read model that is made anew, and a log that is told again, send nothing twice', async () => {
  const hook = await webhook(ann!);
  for (let n = 0; n < 3; n++) await aTask(ann!);
  await hook.until(3);
  expect((await admin!.post('/admin/projections/feed/rebuild')).status).toBe(202);
  await eventually(
    async () => (await admin!.get('/admin/projections/feed')).body,
    ({ state }) => state === 'live',
  );
  await nothingMore(hook, ann!);
  expect((await deliveries(ann!, hook.id)).total).toBe(4);
});

test('an account that is erased takes its webhooks along, and one that is exported tells of them without secrets', async () => {
  const dora = await service.someone('dora');
  await service.verifyAddress(dora);
  const hook = await webhook(dora, { description: 'For the board' });
  await aTask(dora);
  await hook.until(1);
  const exported = await dora.get('/auth/me/export');
  expect(exported.body.webhooks).toEqual([
    expect.objectContaining({ id: hook.id, url: hook.url, types: ['*'], description: 'For the board', active: true }),
  ]);
  expect(exported.text).not.toContain(hook.secret);
  expect((await dora.post('/auth/me/erase', { password: 'Passw0rd-of-mine' })).status).toBe(204);
  for (const table of ['webhooks', 'deliveries', 'queues', 'secrets'])
    expect([table, (await database.query(`select count(*)::integer as left from webhooks.${table}`)).rows]).toEqual([table, [{ left: 0 }]]);
});

test('health and metrics tell how deliveries go', async () => {
  receiver.answer = (_, response) => void response.writeHead(500).end();
  const hook = await webhook(ann!);
  await aTask(ann!);
  await hook.until(1);
  const { webhooks } = await eventually(
    async () => (await service.anonymous.send('GET', '/health/detailed')).body.checks,
    ({ webhooks }) => webhooks.failing === 1,
  );
  expect(webhooks).toMatchObject({ status: 'healthy', active: 1, disabled: 0, waiting: 1 });
  const metrics = (await service.anonymous.send('GET', '/metrics')).text;
  expect(metrics).toMatch(/tasktrail_webhook_deliveries_waiting 1\n/);
  expect(metrics).toMatch(/tasktrail_webhook_attempts_total\{outcome="delivered"\} [1-9]/);
});
