import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let admin: Client;
let ann: Client;

beforeAll(async () => {
  service = await startTestService({ RATE_LIMIT_PER_MINUTE: '0', RATE_LIMIT_LOGIN_PER_MINUTE: '0' });
  admin = await service.admin();
  ann = await service.someone('ann');
});
afterAll(() => service?.stop());

// The answers of tests are looked into freely.
// biome-ignore lint/suspicious/noExplicitAny: an answer may be anything
const told = async (query = ''): Promise<any[]> => (await admin.get(`/admin/security-events?limit=100${query}`)).body.items;
/** How often: what happens in the last moments of a minute may be told as two. */
const counted = (events: { count: number }[]) => events.reduce((sum, { count }) => sum + count, 0);
const secrets = ['Typed-into-the-wrong-field-1', 'Wrong-passw0rd-of-ann'] as const;
const login = (body: object) => service.anonymous.post('/auth/login', body);

describe('security events', () => {
  test('tell of failed logins, and never what was typed', async () => {
    await login({ username: 'ann', password: secrets[1] });
    await login({ email: 'ann@tasks.test', password: secrets[1] });
    await login({ username: secrets[0], password: secrets[1] });
    const failed = await told('&kind=login_failed');
    expect(failed.every(({ code, ip }) => code === 'INVALID_CREDENTIALS' && ip === '127.0.0.1')).toBe(true);
    expect(counted(failed.filter(({ user }) => user?.username === 'ann'))).toBe(2);
    expect(counted(failed.filter(({ user }) => user === null))).toBe(1);
    const everything = JSON.stringify(await told()) + service.log.join('');
    for (const secret of secrets) expect(everything).not.toContain(secret);
  });

  test('tell of a used refresh token that came again', async () => {
    const { refresh_token } = (await login({ username: 'ann', password: 'Passw0rd-of-mine' })).body;
    const next = await service.anonymous.post('/auth/refresh', { refresh_token });
    await service.anonymous.post('/auth/refresh', { refresh_token: next.body.refresh_token });
    expect((await service.anonymous.post('/auth/refresh', { refresh_token })).body.error.code).toBe('TOKEN_REUSED');
    const [reused, ...others] = await told('&kind=token_reused');
    expect(others).toEqual([]);
    expect(reused).toMatchObject({ user: { id: ann.id, username: 'ann', full_name: 'ann Example' }, actor: null, count: 1 });
    expect(JSON.stringify(await told()) + service.log.join('')).not.toContain(refresh_token);
  });

  test('tell of refusals: who, from where, which route and why', async () => {
    await ann.get('/admin/users', { 'x-request-id': 'the-first' });
    await ann.get('/admin/users', { 'x-request-id': 'the-second' });
    await service.anonymous.get('/tasks');
    const gone = service.as({ ...ann, token: (await login({ username: 'ann', password: 'Passw0rd-of-mine' })).body.access_token });
    await gone.post('/auth/logout', {});
    await gone.get('/workflow');
    await gone.get('/tasks');
    const refused = await told('&kind=access_refused');
    expect(counted(refused.filter(({ user }) => user?.id === ann.id))).toBe(3);
    expect(refused).toContainEqual(expect.objectContaining({ user: expect.objectContaining({ id: ann.id }), code: 'SESSION_ENDED' }));
    expect(refused).toContainEqual({
      id: expect.any(String),
      kind: 'access_refused',
      occurred_at: expect.any(String),
      last_occurred_at: expect.any(String),
      count: expect.any(Number),
      user: { id: ann.id, username: 'ann', full_name: 'ann Example' },
      actor: null,
      ip: '127.0.0.1',
      code: 'ADMIN_ONLY',
      method: 'GET',
      path: '/api/v1/admin/users',
      request_id: 'the-second',
      details: {},
    });
    expect(refused).toContainEqual(expect.objectContaining({ user: null, code: 'NOT_AUTHENTICATED', path: '/api/v1/tasks' }));
    expect(refused.filter(({ path }) => path === '/api/v1/auth/login' || path === '/api/v1/auth/refresh')).toEqual([]);
  });

  test('tell what admins do to accounts', async () => {
    for (const body of [{ role: 'admin' }, { role: 'user', is_active: false }, { is_active: true }]) {
      await admin.patch(`/admin/users/${ann.id}`, body);
    }
    const done = await told(`&user_id=${ann.id}&kind=role_changed,account_disabled,account_enabled`);
    expect(done.every(({ user, actor }) => user.id === ann.id && actor.id === admin.id)).toBe(true);
    expect(done.map(({ kind, details }) => [kind, details])).toEqual(
      expect.arrayContaining([
        ['role_changed', { role: { from: 'user', to: 'admin' } }],
        ['role_changed', { role: { from: 'admin', to: 'user' } }],
        ['account_disabled', {}],
        ['account_enabled', {}],
      ]),
    );
    expect(done).toHaveLength(4);
  });

  test('are log lines of their own kind', () => {
    const lines = service.log.map((line) => JSON.parse(line)).filter(({ logger }) => logger === 'security');
    expect(new Set(lines.map(({ kind }) => kind))).toEqual(
      new Set(['login_failed', 'token_reused', 'access_refused', 'role_changed', 'account_disabled', 'account_enabled']),
    );
    expect(lines.find(({ kind }) => kind === 'role_changed')).toMatchObject({ user_id: ann.id, actor_id: admin.id, ip: '127.0.0.1' });
  });

  test('are listed newest first, a page at a time, between two times', async () => {
    const all = await told();
    expect(all.map(({ occurred_at }) => occurred_at)).toEqual(
      all
        .map(({ occurred_at }) => occurred_at)
        .sort()
        .reverse(),
    );
    const walked: string[] = [];
    let cursor = '';
    do {
      const page = (await admin.get(`/admin/security-events?limit=3${cursor && `&cursor=${cursor}`}`)).body;
      walked.push(...page.items.map(({ id }: { id: string }) => id));
      cursor = page.next_cursor;
    } while (cursor);
    expect(walked).toEqual(all.map(({ id }) => id));
    expect(await told('&end_date=2020-01-01')).toEqual([]);
    expect(await told('&start_date=2099-01-01')).toEqual([]);
    expect(await told(`&start_date=${new Date(Date.now() - 60_000 * 5).toISOString()}`)).toHaveLength(all.length);
    const wrong = await admin.get('/admin/security-events?kind=nothing&user_id=ann&since=1');
    expect(wrong.body.error.details.map(({ path }: { path: string }) => path).sort()).toEqual([
      'query.kind',
      'query.since',
      'query.user_id',
    ]);
  });
});
