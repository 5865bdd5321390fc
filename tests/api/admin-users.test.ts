import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let one: TestService;
let other: TestService;
let admin: Client;

beforeAll(async () => {
  one = await startTestService({ RATE_LIMIT_PER_MINUTE: '0', RATE_LIMIT_USER_PER_MINUTE: '0', RATE_LIMIT_LOGIN_PER_MINUTE: '0' });
  other = await startTestService({ ...one.sameStores, REGISTRATION: 'closed', RATE_LIMIT_PER_MINUTE: '0' });
  admin = await one.admin();
});
afterAll(async () => {
  await other?.stop();
  await one?.stop();
});

const password = 'Passw0rd-of-mine';
const account = (name: string) => ({ email: `${name}@tasks.test`, username: name, password });
const loggedIn = (service: TestService, username: string, secret = password) =>
  service.anonymous.post('/auth/login', { username, password: secret });
/** What the admin is told to have done to an account, the last first; it is in the log within moments. */
const eventsOf = async (id: string, actions: string[]) => {
  let told: string[] = [];
  const all = async () => {
    const { items } = (await admin.get('/activity?resource_type=user&limit=100')).body;
    told = items.filter((item: { resource_id: string }) => item.resource_id === id).map((item: { action: string }) => item.action);
    return told.length >= actions.length;
  };
  await within(5000, all);
  expect(told).toEqual(actions);
};

describe('an account that an admin makes', () => {
  test('is there although nobody can register, and signs nobody in', async () => {
    expect((await other.anonymous.post('/auth/register', account('self'))).body.error.code).toBe('REGISTRATION_CLOSED');
    const made = await other.as(admin).post('/admin/users', { ...account('made'), full_name: 'Made', role: 'admin' });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/api/v1/admin/users/${made.body.id}`);
    expect(made.body).toEqual({
      id: expect.any(String),
      email: 'made@tasks.test',
      username: 'made',
      full_name: 'Made',
      role: 'admin',
      is_active: true,
      email_verified: false,
      timezone: 'UTC',
      created_at: expect.any(String),
    });
    expect((await loggedIn(other, 'made')).body.user).toEqual(made.body);
    expect((await admin.get(`/admin/users/${made.body.id}`)).body).toEqual(made.body);
    await admin.patch(`/admin/users/${made.body.id}`, { role: 'user' });
  });

  test('is told as the admin’s doing', async () => {
    const { id } = (await admin.post('/admin/users', account('told'))).body;
    await eventsOf(id, ['created']);
    const [item] = (await admin.get('/activity?limit=1')).body.items;
    expect(item).toMatchObject({ action: 'created', resource_id: id, actor: { id: admin.id }, details: { role: 'user', via: 'admin' } });
  });

  test('keeps to the rules of registration', async () => {
    const refused = async (body: object) => (await admin.post('/admin/users', body)).body.error;
    await admin.post('/admin/users', account('twice'));
    expect((await refused(account('twice'))).code).toBe('EMAIL_TAKEN');
    expect((await refused({ ...account('twice'), email: 'else@tasks.test' })).code).toBe('USERNAME_TAKEN');
    expect((await refused({ ...account('weak'), password: 'weak', role: 'owner', more: 1 })).details).toEqual(
      expect.arrayContaining(['password', 'role', 'more'].map((path) => expect.objectContaining({ path }))),
    );
    expect((await admin.post('/admin/users', { email: 'twice@elsewhere.test', password })).body.username).toBe('twice1');
  });
});

describe('the list of accounts', () => {
  test('is searched, filtered and walked', async () => {
    for (const name of ['list-a', 'list-b', 'list-c']) await admin.post('/admin/users', { ...account(name), full_name: `Zed ${name}` });
    const ids = async (query: string) => (await admin.get(`/admin/users?${query}`)).body.items.map((user: Client) => user.username);
    expect(await ids('search=LIST-')).toEqual(['list-c', 'list-b', 'list-a']);
    expect(await ids('search=zed%20list-b')).toEqual(['list-b']);
    expect(await ids('search=list-a@tasks')).toEqual(['list-a']);
    expect(await ids('search=%25')).toEqual([]);
    expect(await ids('role=admin')).toEqual(['admin']);
    const { id } = (await admin.get('/admin/users?search=list-b')).body.items[0];
    await admin.patch(`/admin/users/${id}`, { is_active: false });
    expect(await ids('search=list-&is_active=false')).toEqual(['list-b']);
    expect(await ids('search=list-&is_active=true&role=user')).toEqual(['list-c', 'list-a']);

    const all = (await admin.get('/admin/users?limit=100')).body;
    const walked: string[] = [];
    let cursor = '';
    do {
      const page = (await admin.get(`/admin/users?limit=2${cursor && `&cursor=${cursor}`}`)).body;
      walked.push(...page.items.map((user: Client) => user.id));
      cursor = page.next_cursor;
    } while (cursor);
    expect(walked).toEqual(all.items.map((user: Client) => user.id));
    expect(all.total).toBe(walked.length);
    const [first] = all.items;
    expect((await admin.get(`/admin/users/${first.id}`)).body).toEqual(first);
    const mixed = await admin.get(`/admin/users?role=user&cursor=${(await admin.get('/admin/users?limit=1')).body.next_cursor}`);
    expect(mixed.body.error.code).toBe('INVALID_CURSOR');
    expect((await admin.get('/admin/users?role=boss&active=1&page=1&skip=2')).body.error.details).toHaveLength(3);
  });
});

describe('a role', () => {
  test('is in force at the next request, and ends no session', async () => {
    const ann = await one.someone('ann');
    const there = other.as(ann);
    expect([(await ann.get('/admin/users')).status, (await there.get('/admin/users')).status]).toEqual([403, 403]);
    const promoted = await admin.patch(`/admin/users/${ann.id}`, { role: 'admin' });
    expect([promoted.status, promoted.body.role]).toEqual([200, 'admin']);
    expect((await ann.get('/admin/users')).status).toBe(200);
    await within(1000, async () => (await there.get('/admin/users')).status === 200);
    await admin.patch(`/admin/users/${ann.id}`, { role: 'user' });
    expect((await ann.get('/admin/users')).body.error.code).toBe('ADMIN_ONLY');
    await within(1000, async () => (await there.get('/admin/users')).status === 403);
    expect((await ann.get('/auth/me')).body.role).toBe('user');
    await eventsOf(ann.id, ['role_changed', 'role_changed']);
  });

  test('that somebody has already changes nothing', async () => {
    const { id, ...before } = (await admin.post('/admin/users', account('same'))).body;
    for (const body of [{}, { role: 'user' }, { is_active: true }, { role: 'user', is_active: true }]) {
      const reply = await admin.patch(`/admin/users/${id}`, body);
      expect([reply.status, reply.body]).toEqual([200, { id, ...before }]);
    }
    await eventsOf(id, ['created']);
  });

  test.each([
    ['a stranger', () => one.someone('stranger'), 403, 'ADMIN_ONLY'],
    ['nobody in particular', async () => one.anonymous, 401, 'NOT_AUTHENTICATED'],
  ])('is not changed by %s', async (_, whoever, status, code) => {
    const who = await whoever();
    const replies = await Promise.all([
      who.get('/admin/users'),
      who.post('/admin/users', account('sneaked')),
      who.get(`/admin/users/${admin.id}`),
      who.patch(`/admin/users/${admin.id}`, { role: 'user' }),
      who.get('/admin/security-events'),
    ]);
    for (const reply of replies) expect([reply.status, reply.body.error.code]).toEqual([status, code]);
  });

  test('is read, and never changed, by a token with the scope for it', async () => {
    const tokenFor = async (scope: string) =>
      one.as({ ...admin, token: (await admin.post('/auth/tokens', { name: scope, scopes: [scope] })).body.token });
    const [script, lesser] = [await tokenFor('admin'), await tokenFor('tasks:write')];
    const codes = async (by: Client) =>
      (
        await Promise.all([
          by.get('/admin/users?search=admin'),
          by.get(`/admin/users/${admin.id}`),
          by.get('/admin/security-events'),
          by.post('/admin/users', account('by-token')),
          by.patch(`/admin/users/${admin.id}`, {}),
        ])
      ).map(({ status, body }) => body.error?.code ?? status);
    expect(await codes(script)).toEqual([200, 200, 200, 'SESSION_REQUIRED', 'SESSION_REQUIRED']);
    expect(await codes(lesser)).toEqual([...Array(3).fill('INSUFFICIENT_SCOPE'), 'SESSION_REQUIRED', 'SESSION_REQUIRED']);
  });

  test('of nobody is not found', async () => {
    for (const id of ['01900000-0000-7000-8000-000000000001', 'admin', 'x']) {
      expect((await admin.get(`/admin/users/${id}`)).body.error.code).toBe('USER_NOT_FOUND');
      expect((await admin.patch(`/admin/users/${id}`, { role: 'user' })).body.error.code).toBe('USER_NOT_FOUND');
    }
  });
});

describe('a disabled account', () => {
  test('is refused at its very next request, here and elsewhere, until it signs in again once it is enabled', async () => {
    const bob = await one.someone('bob');
    const { refresh_token } = (await loggedIn(one, 'bob')).body;
    const made = await bob.post('/auth/tokens', { name: 'script', scopes: ['tasks:read'] });
    const there = other.as(bob);
    expect((await there.get('/auth/me')).status).toBe(200);
    expect((await admin.patch(`/admin/users/${bob.id}`, { is_active: false })).body.is_active).toBe(false);
    const refused = await bob.get('/auth/me');
    expect([refused.status, refused.body.error.code]).toEqual([401, 'SESSION_ENDED']);
    await within(1000, async () => (await there.get('/auth/me')).status === 401);
    const byToken = (token: string) => one.anonymous.get('/auth/me', { authorization: `Bearer ${token}` });
    expect((await byToken(made.body.token)).body.error.code).toBe('SESSION_ENDED');
    expect((await one.anonymous.post('/auth/refresh', { refresh_token })).status).toBe(401);
    expect((await loggedIn(one, 'bob')).body.error.code).toBe('ACCOUNT_DISABLED');
    expect((await loggedIn(one, 'bob', 'Another-passw0rd')).body.error.code).toBe('INVALID_CREDENTIALS');

    await admin.patch(`/admin/users/${bob.id}`, { is_active: true });
    expect((await bob.get('/auth/me')).body.error.code).toBe('SESSION_ENDED');
    expect((await one.anonymous.post('/auth/refresh', { refresh_token })).status).toBe(401);
    expect((await loggedIn(one, 'bob')).status).toBe(200);
    expect((await byToken(made.body.token)).status).toBe(200);
    await eventsOf(bob.id, ['reactivated', 'deactivated']);
  });

  test('is nobody to share with or assign to, and is not found among people', async () => {
    const cy = await one.someone('cyd');
    const { id } = (await admin.post('/tasks', { title: 'Whose?' })).body;
    expect((await admin.get('/users?search=cyd')).body.items).toHaveLength(1);
    await admin.patch(`/admin/users/${cy.id}`, { is_active: false });
    expect((await admin.get('/users?search=cyd')).body.items).toEqual([]);
    for (const body of [{ user_id: cy.id }, { username: 'cyd' }, { email: 'cyd@tasks.test' }]) {
      expect((await admin.post(`/tasks/${id}/share`, body)).body.error.code).toBe('USER_NOT_FOUND');
    }
    expect((await admin.post(`/tasks/${id}/assign`, { assignee_id: cy.id })).body.error.code).toBe('USER_NOT_FOUND');
    expect((await admin.post('/tasks', { title: 'No', assignee_id: cy.id })).body.error.code).toBe('USER_NOT_FOUND');
  });
});

describe('the last active admin', () => {
  test('stays one', async () => {
    for (const body of [{ role: 'user' }, { is_active: false }, { role: 'user', is_active: false }]) {
      const reply = await admin.patch(`/admin/users/${admin.id}`, body);
      expect([reply.status, reply.body.error.code]).toEqual([409, 'LAST_ADMIN']);
    }
    // One that is disabled does not count.
    const { id } = (await admin.post('/admin/users', { ...account('asleep'), role: 'admin' })).body;
    await admin.patch(`/admin/users/${id}`, { is_active: false });
    expect((await admin.patch(`/admin/users/${admin.id}`, { role: 'user' })).body.error.code).toBe('LAST_ADMIN');
    expect((await admin.patch(`/admin/users/${id}`, { role: 'user' })).status).toBe(200);
  });

  test('is left when two demote or disable each other at once, on whichever instance', async () => {
    const eve = await one.someone('eve');
    let [first, second] = [admin, eve];
    for (const change of [{ role: 'user' }, { is_active: false }, { role: 'user' }]) {
      await first.patch(`/admin/users/${second.id}`, { role: 'admin', is_active: true });
      second = { ...one.as(await signIn(second)) };
      await within(1000, async () => (await other.as(second).get('/admin/users')).status === 200);
      const replies = await Promise.all([
        first.patch(`/admin/users/${second.id}`, change),
        other.as(second).patch(`/admin/users/${first.id}`, change),
      ]);
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect(replies.find(({ status }) => status === 409)!.body.error.code).toBe('LAST_ADMIN');
      if (replies[0]!.status === 409) [first, second] = [second, first];
      const admins = (await first.get('/admin/users?role=admin&is_active=true')).body.items;
      expect(admins.map((user: Client) => user.id)).toEqual([first.id]);
    }
    await first.patch(`/admin/users/${admin.id}`, { role: 'admin', is_active: true });
  });
});

async function signIn(client: Client): Promise<Client> {
  const secret = client.username === 'admin' ? 'Adm1nistrator' : password;
  const { access_token } = (await loggedIn(one, client.username, secret)).body;
  return { ...client, token: access_token };
}

/** Fails when it does not become true within so many milliseconds. */
async function within(milliseconds: number, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Not so within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
