import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { adminAccount, type Client, createClient, type Reply, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let anonymous: Client;
let ann: Client;

beforeAll(async () => {
  service = await startTestService();
  anonymous = service.anonymous;
  ann = await service.someone('ann');
}, 60_000);
afterAll(() => service?.stop());

const longName = 'x'.repeat(201);
const longEmail = `${'a'.repeat(250)}@b.test`;
let people = 0;
const body = (more: object = {}) => ({ email: `person${++people}@tasks.test`, password: 'Passw0rd-of-mine', ...more });
const faults = (reply: Reply) => reply.body.error.details.map(({ path, code }: { path: string; code: string }) => `${path} ${code}`);
const as = (reply: Reply) => createClient(service.url, reply.body.access_token);

describe('POST /auth/register', () => {
  test('answers tokens and the account', async () => {
    const reply = await anonymous.post('/auth/register', {
      email: 'Bob@tasks.test',
      username: 'Bob',
      password: 'Passw0rd-of-mine',
      full_name: ' Bob Q ',
    });
    expect(reply.status).toBe(201);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.body).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      refresh_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 1800,
      user: {
        id: expect.any(String),
        email: 'Bob@tasks.test',
        username: 'bob',
        full_name: 'Bob Q',
        role: 'user',
        is_active: true,
        email_verified: false,
        timezone: 'UTC',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    });
    const me = await as(reply).get('/auth/me');
    expect([me.status, me.body]).toEqual([200, reply.body.user]);
  });

  test('makes up a username, and leaves the name empty', async () => {
    const { user } = (await anonymous.post('/auth/register', body())).body;
    expect(user).toMatchObject({ username: `person${people}`, full_name: '' });
  });

  test.each([
    [{}, ['email required', 'password required']],
    [{ email: 'nowhere', password: 'short' }, ['email format', 'password too_short', 'password format']],
    [{ email: 'a@tasks.test', password: 'Passw0rd-of-mine', username: 'me' }, ['username too_short', 'username format']],
    [{ email: 'a@tasks.test', password: 'Passw0rd-of-mine', username: '0198c0de-0000-7000-8000-000000000001' }, ['username format']],
    [{ email: 'Aa1@tasks.test', password: 'aA1@Tasks.Test' }, ['password format']],
    [{ email: 'a@tasks.test', password: 'Passw0rd-of-mine', full_name: longName }, ['full_name too_long']],
    [{ email: longEmail, password: 'Passw0rd-of-mine', role: 'admin' }, ['email too_long', 'role unknown_key']],
    [{ email: 'a@tasks.test', password: 'Passw0rd\u0000-of-mine' }, ['password format']],
    [{ email: 1, password: null, username: 2 }, ['email type', 'username type', 'password type']],
  ])('refuses what is wrong: %#', async (sent, expected) => {
    const reply = await anonymous.post('/auth/register', sent);
    expect(reply.status).toBe(422);
    expect(faults(reply).sort()).toEqual([...expected].sort());
  });

  test('refuses what is taken', async () => {
    const email = await anonymous.post('/auth/register', body({ email: 'ANN@tasks.test' }));
    expect([email.status, email.body.error]).toMatchObject([409, { code: 'EMAIL_TAKEN', details: [{ path: 'email' }] }]);
    const username = await anonymous.post('/auth/register', body({ username: 'ANN' }));
    expect([username.status, username.body.error]).toMatchObject([409, { code: 'USERNAME_TAKEN', details: [{ path: 'username' }] }]);
  });
});

describe('POST /auth/login', () => {
  test('answers as registration does, by e-mail address or username', async () => {
    for (const who of [{ email: 'Ann@TASKS.test' }, { username: 'ANN' }]) {
      const reply = await anonymous.post('/auth/login', { ...who, password: 'Passw0rd-of-mine' });
      expect(reply.status).toBe(200);
      expect(Object.keys(reply.body)).toEqual(['access_token', 'refresh_token', 'token_type', 'expires_in', 'user']);
      expect(reply.body.user.id).toBe(ann.id);
    }
  });

  test('answers 401 in the same words whatever is wrong', async () => {
    const replies = await Promise.all(
      [{ username: 'ann' }, { username: 'nobody' }, { email: 'nobody@tasks.test' }, { username: '\'"%;--' }].map((who) =>
        anonymous.post('/auth/login', { ...who, password: 'Wrong-password-1' }),
      ),
    );
    for (const { status, body, headers } of replies) {
      expect([status, body.error.code, body.error.message]).toEqual([401, 'INVALID_CREDENTIALS', replies[0]!.body.error.message]);
      expect(headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
  });

  test.each([
    [{ password: 'x' }, ['email required']],
    [{}, ['email required', 'password required']],
    [{ email: 'a@tasks.test', username: 'ann', password: 'x' }, ['username conflicts_with']],
    [{ email: 'a@tasks.test', username: 'ann' }, ['password required', 'username conflicts_with']],
    [{ username: 'ann', password: 'x', admin: true }, ['admin unknown_key']],
    [[], [' type']],
  ])('refuses %j', async (sent, expected) => {
    const reply = await anonymous.post('/auth/login', sent);
    expect(reply.status).toBe(422);
    expect(faults(reply).sort()).toEqual([...expected].sort());
  });
});

describe('a session', () => {
  test('is renewed by its refresh token, once', async () => {
    const first = await anonymous.post('/auth/register', body());
    const second = await anonymous.post('/auth/refresh', { refresh_token: first.body.refresh_token });
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).not.toBe(first.body.refresh_token);
    expect((await as(second).get('/auth/me')).status).toBe(200);
    expect((await anonymous.post('/auth/refresh', { refresh_token: second.body.refresh_token })).status).toBe(200);
    const again = await anonymous.post('/auth/refresh', { refresh_token: first.body.refresh_token });
    expect([again.status, again.body.error.code]).toEqual([401, 'TOKEN_REUSED']);
    const ended = await as(second).get('/auth/me');
    expect([ended.status, ended.body.error.code]).toEqual([401, 'SESSION_ENDED']);
  });

  test.each(['', 'x', '\u0000', 7, undefined])('is not renewed by %j', async (refresh_token) => {
    const reply = await anonymous.post('/auth/refresh', { refresh_token });
    expect([401, 422]).toContain(reply.status);
  });

  test('ends with a logout, and its refresh token with it', async () => {
    const signedIn = await anonymous.post('/auth/register', body());
    const logout = await as(signedIn).post('/auth/logout');
    expect([logout.status, logout.text]).toEqual([204, '']);
    expect((await as(signedIn).get('/auth/me')).body.error.code).toBe('SESSION_ENDED');
    expect((await as(signedIn).post('/auth/logout', {})).status).toBe(401);
    expect((await anonymous.post('/auth/refresh', { refresh_token: signedIn.body.refresh_token })).body.error.code).toBe('TOKEN_INVALID');
  });

  test('ends with all others, or by its own refresh token', async () => {
    const mine = body();
    const first = await anonymous.post('/auth/register', mine);
    const [second, third] = await Promise.all([anonymous.post('/auth/login', mine), anonymous.post('/auth/login', mine)]);
    expect((await as(first).post('/auth/logout', { refresh_token: second.body.refresh_token })).status).toBe(204);
    expect((await as(second).get('/auth/me')).status).toBe(401);
    expect((await as(first).post('/auth/logout', { all: true })).status).toBe(204);
    for (const session of [first, third]) expect((await as(session).get('/auth/me')).status).toBe(401);
  });

  test('cannot be ended in two ways at once', async () => {
    const reply = await ann.post('/auth/logout', { all: true, refresh_token: 'x' });
    expect([reply.status, faults(reply)]).toEqual([422, ['all conflicts_with']]);
  });
});

describe('/auth/me', () => {
  test('is for who is signed in', async () => {
    const reply = await anonymous.get('/auth/me');
    expect([reply.status, reply.body.error.code, reply.headers.get('www-authenticate')]).toEqual([
      401,
      'NOT_AUTHENTICATED',
      expect.stringMatching(/^Bearer/),
    ]);
  });

  test('is changed by PATCH, and shows at once', async () => {
    const signedIn = await anonymous.post('/auth/register', body());
    const changed = await as(signedIn).patch('/auth/me', { full_name: 'New Name', timezone: 'Asia/Tokyo' });
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({ ...signedIn.body.user, full_name: 'New Name', timezone: 'Asia/Tokyo' });
    expect((await as(signedIn).get('/auth/me')).body).toEqual(changed.body);
    expect((await as(signedIn).patch('/auth/me', {})).body).toEqual(changed.body);
    expect((await as(signedIn).patch('/auth/me', { username: 'ann' })).body.error).toMatchObject({
      code: 'USERNAME_TAKEN',
      details: [{ path: 'username' }],
    });
    const wrong = await as(signedIn).patch('/auth/me', { timezone: 'Mars/Base', role: 'admin', email: 'x@tasks.test' });
    expect(faults(wrong).sort()).toEqual(['email unknown_key', 'role unknown_key', 'timezone not_one_of']);
  });

  test('of the first admin is that of an admin', async () => {
    const admin = await service.admin();
    expect((await admin.get('/auth/me')).body).toMatchObject({ username: adminAccount.username, email: adminAccount.email, role: 'admin' });
  });
});

test('no secret and no name of these tests is in the log or among the events', async () => {
  const events = await service.storedText();
  expect(events).toContain(ann.id);
  const log = service.log.join('');
  expect(log).toContain('/auth/register');
  for (const secret of ['Passw0rd-of-mine', adminAccount.password, ann.token, 'argon2id', 'ttr_', '@tasks.test']) {
    expect(events).not.toContain(secret);
    if (secret !== '@tasks.test') expect(log).not.toContain(secret);
  }
});
