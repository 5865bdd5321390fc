import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../../support/service.ts';
import { startWeakened, type Weakened } from '../../support/weakened.ts';
import { makeToken } from '../authorisation/tokens.ts';
import { ask } from '../framework/serving.ts';
import { type Forgery, forgedTokens } from './forged-tokens.ts';

let service: TestService;
let weakened: Weakened;
let victim: Client;
let forgeries: Forgery[];

beforeAll(async () => {
  service = await startTestService();
  const starting = startWeakened(service);
  const email = 'victim@tasks.test';
  const registered = await service.anonymous.post('/auth/register', { email, username: 'victim', password: 'Passw0rd-of-mine' });
  victim = service.as({ ...service.anonymous, token: registered.body.access_token });
  const left = await service.anonymous.post('/auth/login', { username: 'victim', password: 'Passw0rd-of-mine' });
  await service.as({ ...service.anonymous, token: left.body.access_token }).post('/auth/logout', {});
  const revoked = await makeToken(victim, ['tasks:write']);
  await victim.delete(`/auth/tokens/${revoked.id}`);
  forgeries = forgedTokens({
    victim: victim.token,
    admin: (await service.admin()).token,
    personal: (await makeToken(victim, ['tasks:write'])).token,
    refreshToken: registered.body.refresh_token,
    ended: left.body.access_token,
    revoked: revoked.token,
  });
  weakened = await starting;
}, 60_000);
afterAll(async () => {
  await weakened?.stop();
  await service?.stop();
});

const tried = async (url: string, { authorization }: Forgery, method = 'GET', path = '/api/v1/auth/me') => {
  const headers = authorization === undefined ? {} : { authorization };
  const answer = await ask(Number(new URL(url).port), method, path, { headers });
  return { ...answer, code: answer.json?.error?.code as string | undefined };
};

describe('a forged access token', () => {
  test('is refused with what is wrong with it, and asked for again', async () => {
    expect(forgeries.length).toBeGreaterThanOrEqual(100);
    expect((await victim.get('/auth/me')).status).toBe(200);
    const wrong: string[] = [];
    for (const forgery of forgeries) {
      const { status, code, headers } = await tried(service.url, forgery);
      const challenge = code === 'NOT_AUTHENTICATED' ? 'Bearer realm="tasktrail"' : 'Bearer realm="tasktrail", error="invalid_token"';
      if (status !== 401 || code !== forgery.code || headers['www-authenticate'] !== challenge) {
        wrong.push(`${forgery.name}: ${status} ${code} ${headers['www-authenticate']}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('is refused wherever signing in is needed', async () => {
    const guarded = service.routes.filter(({ needs }) => needs !== 'open');
    const wrong: string[] = [];
    let next = 0;
    for (const { method, path } of guarded) {
      const somewhere = `/api/v1${path.replace(/:\w+/g, '00000000-0000-7000-8000-000000000001')}`;
      for (let count = 0; count < 12; count++) {
        const forgery = forgeries[next++ % forgeries.length]!;
        const { status } = await tried(service.url, forgery, method.toUpperCase(), somewhere);
        if (status !== 401) wrong.push(`${method} ${path}, ${forgery.name}: ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('lets nobody in by a query, a cookie, or another header', async () => {
    const { token } = victim;
    const answers = [
      await victim.send('GET', `/api/v1/auth/me?access_token=${token}`, { headers: { authorization: '' } }),
      await service.anonymous.get('/auth/me', { cookie: `access_token=${token}; token=${token}` }),
      await service.anonymous.get('/auth/me', { 'x-authorization': `Bearer ${token}`, 'proxy-authorization': `Bearer ${token}` }),
      await service.anonymous.post('/tasks', { title: 'Mine', access_token: token }),
      await service.anonymous.get('/auth/me', { 'x-forwarded-user': 'admin', 'x-user-id': victim.id, 'x-remote-user': 'admin' }),
    ];
    expect(answers.map(({ status, body }) => [status, body.error.code])).toEqual(answers.map(() => [401, 'NOT_AUTHENTICATED']));
  });

  test('is a live attack: who reads claims without their proof lets it in', async () => {
    await weakened.without('access tokens are proven');
    const live = forgeries.filter((forgery) => forgery.live);
    expect(live.length).toBeGreaterThanOrEqual(40);
    const refused: string[] = [];
    for (const forgery of live) {
      const { status, code } = await tried(weakened.url, forgery);
      if (status !== 200) refused.push(`${forgery.name}: ${status} ${code}`);
    }
    expect(refused).toEqual([]);
  });
});
