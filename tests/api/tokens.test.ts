import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { adminAccount, type Client, createClient, type Reply, startTestService, type TestService } from '../support/service.ts';

let one: TestService;
let other: TestService;
let ann: Client;
let bob: Client;
let admin: Client;

beforeAll(async () => {
  one = await startTestService();
  other = await startTestService(one.sameStores);
  [ann, bob, admin] = await Promise.all([one.someone('ann'), one.someone('bob'), one.admin()]);
}, 60_000);
afterAll(async () => {
  await other?.stop();
  await one?.stop();
});

const secrets: string[] = [];
const tokenOf = async (owner: Client, ...scopes: string[]): Promise<Client> => {
  const reply = await owner.post('/auth/tokens', { name: scopes.join(' and '), scopes });
  if (reply.status !== 201) throw new Error(`${reply.status} ${reply.text}`);
  secrets.push(reply.body.token);
  return { ...createClient(one.url, reply.body.token), id: reply.body.id };
};
const outcome = ({ status, body }: Reply) => [status, body?.error?.code];
const faults = (reply: Reply) => reply.body.error.details.map(({ path, code }: { path: string; code: string }) => `${path} ${code}`);
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
/** Milliseconds until an instance refuses somebody whom it has let in. */
const refusedAfter = async (client: Client) => {
  const begun = performance.now();
  while ((await client.get('/auth/me')).status !== 401) if (performance.now() - begun > 5_000) throw new Error('Still let in');
  return performance.now() - begun;
};

describe('/auth/tokens', () => {
  test('gives a token whose secret is shown once', async () => {
    const expires_at = inAnHour();
    const created = await bob.post('/auth/tokens', {
      name: ' My script ',
      scopes: ['tasks:write', 'tasks:read', 'tasks:write'],
      expires_at,
    });
    expect(created.status).toBe(201);
    expect(created.headers.get('cache-control')).toBe('no-store');
    const { token, ...rest } = created.body;
    expect(token).toMatch(/^ttp_[\w-]{43}$/);
    secrets.push(token);
    const created_at = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(rest).toEqual({ id: expect.any(String), name: 'My script', scopes: ['tasks:read', 'tasks:write'], created_at, expires_at });
    expect((await bob.get('/auth/tokens')).body).toEqual({ items: [rest], total: 1, page: 1, per_page: 20, pages: 1, next_cursor: null });
    expect((await createClient(one.url, token).get('/auth/me')).body.username).toBe('bob');
    expect((await bob.delete(`/auth/tokens/${rest.id}`)).status).toBe(204);
    expect((await bob.get('/auth/tokens')).body.items).toEqual([]);
  });

  test('takes what it understands alone', async () => {
    expect(faults(await bob.post('/auth/tokens', {}))).toEqual(['name required', 'scopes required']);
    const wrong = { name: ' ', scopes: [], expires_at: '2020-01-01T00:00:00Z', token: 'mine' };
    expect(faults(await bob.post('/auth/tokens', wrong)).sort()).toEqual(
      ['expires_at too_small', 'name too_short', 'scopes too_short', 'token unknown_key'].sort(),
    );
    const odd = { name: 'x'.repeat(101), scopes: ['tasks:write', 'everything'], expires_at: 'tomorrow' };
    expect(faults(await bob.post('/auth/tokens', odd)).sort()).toEqual(['expires_at format', 'name too_long', 'scopes.1 not_one_of']);
    for (const expires_at of [
      '9999-12-31T23:59:59-23:59',
      '2027-02-30T00:00:00Z',
      '2099-01-01T24:00:00Z',
      '+12027-01-01T00:00:00Z',
      4e12,
    ]) {
      expect([expires_at, (await bob.post('/auth/tokens', { name: 'x', scopes: ['admin'], expires_at })).status]).toEqual([
        expires_at,
        422,
      ]);
    }
    expect((await bob.post('/auth/tokens', { name: 'x\u0000', scopes: ['admin'] })).status).toBe(422);
  });

  test('is walked newest first, by a cursor that does not lose its place', async () => {
    const walker = await one.someone('walker');
    const made = [];
    for (let n = 0; n < 5; n++) made.unshift((await tokenOf(walker, 'tasks:read')).id);
    const first = (await walker.get('/auth/tokens?limit=2')).body;
    await walker.delete(`/auth/tokens/${made[0]}`);
    const second = (await walker.get(`/auth/tokens?limit=2&cursor=${first.next_cursor}`)).body;
    const third = (await walker.get(`/auth/tokens?limit=2&cursor=${second.next_cursor}`)).body;
    expect([first, second, third].flatMap(({ items }) => items.map(({ id }: { id: string }) => id))).toEqual(made);
    expect([second.total, third.next_cursor]).toEqual([null, null]);
    expect(outcome(await walker.get(`/auth/sessions?cursor=${first.next_cursor}`))).toEqual([422, 'INVALID_CURSOR']);
    expect(outcome(await walker.get('/auth/tokens?cursor=x'))).toEqual([422, 'INVALID_CURSOR']);
  });

  test('has fifty of them at most', async () => {
    const collector = await one.someone('collector');
    const made = await Promise.all(
      Array.from({ length: 51 }, (_, n) => collector.post('/auth/tokens', { name: `${n}`, scopes: ['tasks:read'] })),
    );
    const refused = made.filter(({ status }) => status !== 201);
    expect(refused.map(({ status, body }) => [status, body.error.code, body.error.details])).toEqual([
      [409, 'LIMIT_REACHED', [{ limit: 50 }]],
    ]);
    expect((await collector.get('/auth/tokens?limit=100')).body.total).toBe(50);
  });

  test('revokes one’s own alone', async () => {
    const token = await tokenOf(ann, 'tasks:read');
    for (const path of [`/auth/tokens/${token.id}`, '/auth/tokens/none', `/auth/tokens/${ann.id}`]) {
      expect(outcome(await bob.delete(path))).toEqual([404, 'ACCESS_TOKEN_NOT_FOUND']);
    }
    expect((await token.get('/auth/me')).status).toBe(200);
  });
});

describe('a token', () => {
  test('that is revoked is refused with the very next request, and within a second by another instance', async () => {
    const token = await tokenOf(ann, 'tasks:write');
    const there = other.as(token);
    expect([(await token.get('/tasks')).status, (await there.get('/tasks')).status]).toEqual([200, 200]);
    await ann.delete(`/auth/tokens/${token.id}`);
    const refused = await token.get('/tasks');
    expect([outcome(refused), refused.headers.get('www-authenticate')]).toEqual([
      [401, 'SESSION_ENDED'],
      expect.stringContaining('invalid_token'),
    ]);
    expect(await refusedAfter(there)).toBeLessThan(1_000);
  });

  test('acts as its owner, and shows in the activity', async () => {
    const token = await tokenOf(ann, 'tasks:write');
    const headers = { 'idempotency-key': 'by-whichever-way' };
    const created = await token.post('/tasks', { title: 'By a program' }, headers);
    expect(created.status).toBe(201);
    const again = await ann.post('/tasks', { title: 'By a program' }, headers);
    expect([again.headers.get('idempotent-replayed'), again.body]).toEqual(['true', created.body]);
    await ann.patch(`/tasks/${created.body.id}`, { title: 'By hand' });
    const timeline = (await token.get(`/activity/tasks/${created.body.id}`)).body.items;
    const actor = { id: ann.id, username: 'ann' };
    expect(timeline).toMatchObject([
      { action: 'created', actor, token_id: token.id },
      { action: 'updated', actor, token_id: null },
    ]);
    const own = (await ann.get('/activity?resource_type=user&limit=1')).body.items;
    expect(own).toMatchObject([{ action: 'token_created', details: { token_id: token.id, scopes: ['tasks:write'] } }]);
    const stored = await one.storedText();
    expect(stored).toMatch(new RegExp(`"actor":{"id":"${ann.id}","kind":"token"},"token_id":"${token.id}"`));
  });

  test('reads with the scope for writing, and writes not with the one for reading', async () => {
    const [reader, writer, listener] = [
      await tokenOf(ann, 'tasks:read'),
      await tokenOf(ann, 'tasks:write'),
      await tokenOf(ann, 'events:read'),
    ];
    for (const client of [reader, writer]) {
      for (const path of ['/tasks', '/tags', '/tasks/stats', '/activity', '/activity/stats', '/users?search=bo', '/auth/me']) {
        expect([path, (await client.get(path)).status]).toEqual([path, 200]);
      }
    }
    const lacking = await reader.post('/tasks', { title: 'No' });
    expect([outcome(lacking), lacking.body.error.details]).toEqual([
      [403, 'INSUFFICIENT_SCOPE'],
      [{ needed: 'tasks:write', have: ['tasks:read'] }],
    ]);
    expect(outcome(await listener.get('/tasks'))).toEqual([403, 'INSUFFICIENT_SCOPE']);
    expect((await listener.get('/auth/me')).status).toBe(200);
    expect((await listener.get('/workflow')).status).toBe(200);
  });

  test('of an admin has no admin’s powers without the scope for them', async () => {
    const [plain, powerful] = [await tokenOf(admin, 'tasks:write'), await tokenOf(admin, 'tasks:write', 'admin')];
    const { id } = (await ann.post('/tasks', { title: 'Of Ann' })).body;
    const lacking = await plain.get('/tasks/admin/all');
    expect([outcome(lacking), lacking.body.error.details]).toEqual([
      [403, 'INSUFFICIENT_SCOPE'],
      [{ needed: 'admin', have: ['tasks:write'] }],
    ]);
    for (const path of ['/tasks?scope=everyone', '/admin/projections', '/activity?actor=ann']) {
      expect([path, ...outcome(await plain.get(path))]).toEqual([path, 403, 'INSUFFICIENT_SCOPE']);
      expect([path, (await powerful.get(path)).status]).toEqual([path, 200]);
    }
    expect(outcome(await plain.get(`/tasks/${id}`))).toEqual([404, 'TASK_NOT_FOUND']);
    expect(outcome(await plain.patch(`/tasks/${id}`, { title: 'Mine' }))).toEqual([404, 'TASK_NOT_FOUND']);
    expect((await powerful.patch(`/tasks/${id}`, { title: 'Seen to' })).body).toMatchObject({ title: 'Seen to', permission: 'admin' });
    expect((await powerful.get('/tasks/admin/all')).status).toBe(200);
  });

  test('needs for every route the scope that the route says, or is of no use', async () => {
    const all = await tokenOf(admin, 'tasks:write', 'webhooks:manage', 'admin');
    const none = await tokenOf(admin, 'events:read');
    // The stream of events does not end by itself; what it needs is what the feed needs.
    const guarded = one.routes.filter(({ needs, path }) => needs !== 'open' && path !== '/events/stream');
    expect(guarded.length).toBeGreaterThan(25);
    for (const { method, path, needs } of guarded) {
      if (needs === 'open') continue;
      const id = '01900000-0000-7000-8000-0000000000ff';
      const target = `/api/v1${path
        .replace(/:\w*id/g, id)
        .replace(/:name/, 'none')
        .replace(/:\w+/g, 'x')}`;
      const [withAll, withNone] = [await all.send(method.toUpperCase(), target), await none.send(method.toUpperCase(), target)];
      const what = `${method} ${path}`;
      if (needs.session) expect([what, outcome(withAll)]).toEqual([what, [403, 'SESSION_REQUIRED']]);
      else {
        expect([what, ['SESSION_REQUIRED', 'INSUFFICIENT_SCOPE', 'ADMIN_ONLY'].includes(withAll.body?.error?.code)]).toEqual([what, false]);
        const reads = /^\/(tasks|tags|activity|files|users|notifications)/.test(path);
        if (reads) expect([what, needs.scope]).toEqual([what, method === 'get' ? 'tasks:read' : 'tasks:write']);
        const refused = needs.scope === null || needs.scope === 'events:read' ? withAll.status : 403;
        expect([what, withNone.status]).toEqual([what, refused]);
      }
      if (path.startsWith('/auth/') && what !== 'get /auth/me') expect([what, needs.session]).toEqual([what, true]);
    }
  });
});

describe('a session', () => {
  test('is listed and ended by its owner', async () => {
    const first = await one.someone('carl');
    const login = { username: 'carl', password: 'Passw0rd-of-mine' };
    const { access_token } = (await other.anonymous.post('/auth/login', login)).body;
    const second = createClient(other.url, access_token);
    const { items, total } = (await first.get('/auth/sessions')).body;
    const time = expect.stringMatching(/^\d{4}-.*Z$/);
    const session = { id: expect.any(String), created_at: time, last_used_at: time, user_agent: 'node', ip: '127.0.0.1' };
    expect(items).toEqual([
      { ...session, current: false },
      { ...session, current: true },
    ]);
    expect(total).toBe(2);
    expect((await second.get('/auth/sessions')).body.items.map(({ current }: { current: boolean }) => current)).toEqual([true, false]);
    for (const path of ['/auth/sessions/none', `/auth/sessions/${ann.id}`]) {
      expect(outcome(await first.delete(path))).toEqual([404, 'SESSION_NOT_FOUND']);
    }
    expect(outcome(await ann.delete(`/auth/sessions/${items[0].id}`))).toEqual([404, 'SESSION_NOT_FOUND']);
    expect((await first.delete(`/auth/sessions/${items[0].id}`)).status).toBe(204);
    expect(outcome(await one.as(second).get('/auth/me'))).toEqual([401, 'SESSION_ENDED']);
    expect(await refusedAfter(second)).toBeLessThan(1_000);
    expect((await first.delete(`/auth/sessions/${items[1].id}`)).status).toBe(204);
    expect(outcome(await first.get('/auth/me'))).toEqual([401, 'SESSION_ENDED']);
  });

  test('goes on when its password is changed, and no other does', async () => {
    const first = await one.someone('dora1');
    const login = { username: 'dora1', password: 'Passw0rd-of-mine' };
    const second = createClient(one.url, (await one.anonymous.post('/auth/login', login)).body.access_token);
    const change = (current_password: string, new_password: string) => first.post('/auth/password', { current_password, new_password });
    expect(outcome(await change('Wrong-password-1', 'An0ther-password'))).toEqual([403, 'PASSWORD_INCORRECT']);
    expect(faults(await change('', 'short'))).toEqual(expect.arrayContaining(['current_password too_short', 'new_password too_short']));
    expect(faults(await change(login.password, 'Dora1@Tasks.test'))).toEqual(['new_password format']);
    expect((await second.get('/auth/me')).status).toBe(200);
    expect(await change(login.password, 'An0ther-password')).toMatchObject({ status: 204, text: '' });
    expect(outcome(await second.get('/auth/me'))).toEqual([401, 'SESSION_ENDED']);
    expect((await first.get('/auth/me')).status).toBe(200);
    expect(outcome(await one.anonymous.post('/auth/login', login))).toEqual([401, 'INVALID_CREDENTIALS']);
    expect((await one.anonymous.post('/auth/login', { ...login, password: 'An0ther-password' })).status).toBe(200);
    const [changed] = (await first.get('/activity?limit=1')).body.items;
    expect(changed).toMatchObject({ action: 'password_changed', resource_type: 'user', details: { by: 'change' } });
  });
});

test('no secret of these tests is in the logs or among the events', async () => {
  const kept = (await one.storedText()) + one.log.join('') + other.log.join('');
  expect(secrets.length).toBeGreaterThan(10);
  for (const canary of [...secrets, 'Passw0rd-of-mine', 'An0ther-password', adminAccount.password, 'ttp_']) {
    expect(kept.includes(canary)).toBe(false);
  }
});
