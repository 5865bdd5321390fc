import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { attemptLog } from '../../src/platform/rate-limits/attempt-log.ts';
import { adminAccount, type Client, type Reply, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let other: TestService;
let user: Client;
let addresses = 0;
beforeAll(async () => {
  const limits = { RATE_LIMIT_PER_MINUTE: '5', RATE_LIMIT_USER_PER_MINUTE: '8', RATE_LIMIT_LOGIN_PER_MINUTE: '3', TRUST_PROXY: '1' };
  service = await startTestService(limits);
  other = await startTestService({ ...limits, ...service.sameStores });
  user = await service.someone('mona');
});
afterAll(async () => {
  await other?.stop();
  await service?.stop();
});

/** As a proxy says it: each test comes from an address of its own. */
const from = (address = `192.0.2.${++addresses}`) => ({ 'x-forwarded-for': address });
const shown = ({ headers }: Reply) => ['limit', 'remaining'].map((name) => Number(headers.get(`x-ratelimit-${name}`) ?? Number.NaN));
const isShown = ({ headers }: Reply) => ['limit', 'remaining', 'reset'].map((name) => headers.has(`x-ratelimit-${name}`));
const times = async (n: number, ask: (n: number) => Promise<Reply>) => {
  const replies: Reply[] = [];
  for (let i = 0; i < n; i++) replies.push(await ask(i));
  return replies;
};
const statuses = (replies: readonly Reply[]) => replies.map(({ status }) => status);
const now = () => Date.now() / 1000;

function expectRefused({ status, body, headers }: Reply, within = 60): void {
  expect([status, body.error.code, body.error.details]).toEqual([429, 'RATE_LIMITED', []]);
  expect(headers.get('x-ratelimit-remaining')).toBe('0');
  const seconds = Number(headers.get('retry-after'));
  expect(Number.isInteger(seconds) && seconds > 0 && seconds <= within).toBe(true);
  expect(Math.abs(now() + seconds - Number(headers.get('x-ratelimit-reset')))).toBeLessThan(3);
}

/** Asks until it is refused, and no sooner than other instances can have been told. @returns how often it was let through */
async function letThrough(ask: () => Promise<Reply>): Promise<number> {
  for (let count = 0; count < 20; count++) {
    if ((await ask()).status === 429) return count;
    await sleep(150);
  }
  throw new Error('It was never refused');
}

describe('anonymous requests', () => {
  test('are counted by address, and the answers say how many are left and until when', async () => {
    const here = from();
    const replies = await times(6, () => service.anonymous.get('/workflow', here));
    expect(statuses(replies)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(replies.map(shown)).toEqual([4, 3, 2, 1, 0, 0].map((left) => [5, left]));
    const reset = Number(replies[0]!.headers.get('x-ratelimit-reset'));
    expect(reset).toBeGreaterThan(now() + 50);
    expect(reset).toBeLessThan(now() + 62);
    expectRefused(replies[5]!);
    expect((await service.anonymous.get('/workflow', from())).status).toBe(200);
  });

  test('show it whatever the answer is', async () => {
    const asked: [string, string, Record<string, string>?][] = [
      ['GET', '/api/v1/tasks'],
      ['GET', '/api/v1/tasks', { authorization: 'Bearer forged' }],
      ['GET', '/api/v1/nothing'],
      ['DELETE', '/api/v1/workflow'],
      ['GET', '/api/v1/workflow?x=1'],
      ['GET', '/api/v1/workflow', { accept: 'image/png' }],
      ['HEAD', '/api/v1/workflow'],
    ];
    const replies = await Promise.all(
      asked.map(([method, path, headers]) => service.anonymous.send(method, path, { headers: { ...from(), ...headers } })),
    );
    expect(statuses(replies)).toEqual([401, 401, 404, 405, 422, 406, 200]);
    expect(replies.map(shown)).toEqual(replies.map(() => [5, 4]));
  });

  test('are counted when their token is no good, before anything is read', async () => {
    const here = { ...from(), authorization: 'Bearer forged' };
    const replies = await times(6, () => service.anonymous.post('/tasks', { title: 'x' }, here));
    expect(statuses(replies)).toEqual([401, 401, 401, 401, 401, 429]);
    const large = await service.anonymous.send('POST', '/api/v1/tasks', { body: '['.repeat(2_000_000), headers: here });
    expect(large.status).toBe(429);
  });

  test('of a whole /64 of IPv6 are those of one, and so are both ways to write an IPv4 address', async () => {
    const v6 = await times(6, (n) => service.anonymous.get('/workflow', from(`2001:db8:7:7::${n}`)));
    expect(statuses(v6)).toEqual([200, 200, 200, 200, 200, 429]);
    expect((await service.anonymous.get('/workflow', from('2001:db8:7:8::1'))).status).toBe(200);
    await service.anonymous.get('/workflow', from('198.51.100.1'));
    expect(shown(await service.anonymous.get('/workflow', from('::ffff:198.51.100.1')))).toEqual([5, 3]);
  });

  test('cannot choose their address: the last proxy’s word counts, and nothing that is no address', async () => {
    const here = `192.0.2.${++addresses}`;
    await times(5, (n) => service.anonymous.get('/workflow', from(`203.0.113.${n}, ${here}`)));
    expect((await service.anonymous.get('/workflow', from(`203.0.113.99, ${here}`))).status).toBe(429);
    const nonsense = await times(2, (n) => service.anonymous.get('/workflow', from(`nonsense-${n}`)));
    expect(shown(nonsense[1]!)[1]).toBeLessThan(shown(nonsense[0]!)[1]!);
  });

  test('are counted on all instances together', async () => {
    const here = from();
    await times(5, () => service.anonymous.get('/workflow', here));
    expect(await letThrough(() => other.anonymous.get('/workflow', here))).toBeLessThan(4);
  });
});

describe('somebody who has signed in', () => {
  test('has a budget of their own, at every address and instance', async () => {
    const replies = await times(4, () => user.get('/auth/me', from()));
    expect(replies.map(shown)).toEqual([7, 6, 5, 4].map((left) => [8, left]));
    expect(shown(await user.get('/tasks/00000000-0000-7000-8000-000000000000'))).toEqual([8, 3]);
    expect(shown(await user.get('/nothing'))).toEqual([8, 2]);
    expect(shown(await user.get('/workflow'))).toEqual([8, 1]);
    expect(shown(await user.get('/admin/projections'))).toEqual([8, 0]);
    const refused = await user.post('/tasks', { title: 'x' });
    expectRefused(refused);
    expect(shown(refused)).toEqual([8, 0]);
    expect(await letThrough(() => other.as(user).get('/auth/me'))).toBeLessThan(4);
  });

  test('has one budget with their personal access tokens', async () => {
    const admin = await signIn(adminAccount.username, from());
    const made = await admin('/auth/tokens', {}, { name: 'robot', scopes: ['tasks:read'] });
    expect(made.status).toBe(201);
    const [, left] = shown(made);
    const robot = await service.anonymous.get('/tasks', { authorization: `Bearer ${made.body.token}` });
    expect([robot.status, shown(robot)]).toEqual([200, [8, left! - 1]]);
    expect(shown(await admin('/auth/me'))).toEqual([8, left! - 2]);
  });

  test('is not kept out by what others do at the same address', async () => {
    const here = from();
    await times(6, () => service.anonymous.get('/workflow', here));
    const admin = await signIn(adminAccount.username, from());
    expect((await admin('/auth/me', here)).status).toBe(200);
  });

  test('sees it on an answer that nothing has changed, too', async () => {
    const admin = await signIn(adminAccount.email, from());
    const { headers } = await admin('/tasks', {}, { title: 'Water the plants' });
    const unchanged = await admin(headers.get('location')!.replace('/api/v1', ''), { 'if-none-match': headers.get('etag')! });
    expect([unchanged.status, isShown(unchanged)]).toEqual([304, [true, true, true]]);
  });
});

async function signIn(name: string, headers: Record<string, string>) {
  const key = name.includes('@') ? 'email' : 'username';
  const { body } = await service.anonymous.post('/auth/login', { [key]: name, password: adminAccount.password }, headers);
  const authorization = `Bearer ${body.access_token}`;
  return (path: string, more: Record<string, string> = {}, sent?: unknown) =>
    sent === undefined
      ? service.anonymous.get(path, { authorization, ...more })
      : service.anonymous.post(path, sent, { authorization, ...more });
}

describe('logins', () => {
  const wrong = (username: string, headers: Record<string, string>, at = service) =>
    at.anonymous.post('/auth/login', { username, password: 'not this one' }, headers);

  test('are counted by address and account, exactly, on all instances together', async () => {
    const here = from();
    const replies = await Promise.all([0, 1, 2, 3].map((n) => wrong(n % 2 === 0 ? 'ghost' : 'GHOST', here, n < 2 ? service : other)));
    expect(statuses(replies).sort()).toEqual([401, 401, 401, 429]);
    expectRefused(replies.find(({ status }) => status === 429)!);
    expect(shown(await wrong('somebody-else', from()))).toEqual([3, 2]);
  });

  test('of one account elsewhere are not refused for it', async () => {
    const attacker = from();
    expect(statuses(await times(4, () => wrong('admin', attacker)))).toEqual([401, 401, 401, 429]);
    const right = await service.anonymous.post('/auth/login', { username: 'admin', password: adminAccount.password }, from());
    expect(right.status).toBe(200);
  });

  test('that are no logins do not count', async () => {
    const here = from();
    const replies = await times(3, () => service.anonymous.post('/auth/login', { username: 'nina' }, here));
    expect(statuses(replies)).toEqual([422, 422, 422]);
    expect(shown(await wrong('nina', here))).toEqual([5, 1]);
  });

  test('from very many addresses are refused, but not where the account has signed in before', async () => {
    const home = from();
    const body = { username: 'admin', password: adminAccount.password };
    expect((await service.anonymous.post('/auth/login', body, home)).status).toBe(200);
    const pool = createPool(service.connectionString, { max: 5, applicationName: 'test', onError: () => {} });
    const attempts = attemptLog(pool);
    const adminId = (await service.admin()).id;
    await Promise.all(Array.from({ length: 100 }, () => attempts.take(['login', adminId], { limit: 100, length: 60_000 })));
    await pool.end();

    const refused = await service.anonymous.post('/auth/login', body, from());
    expectRefused(refused);
    expect(shown(refused)).toEqual([100, 0]);
    expect((await service.anonymous.post('/auth/login', body, home)).status).toBe(200);
    expect((await wrong('someone-else', from())).status).toBe(401);
  });
});

test('guesses at one’s own password are counted by account, on all instances together', async () => {
  const nora = await service.someone('nora');
  const guess = { current_password: 'not this one', new_password: 'An0ther-password' };
  const replies = await Promise.all([service, other, service, other].map((at) => at.as(nora).post('/auth/password', guess, from())));
  expect(statuses(replies).sort()).toEqual([403, 403, 403, 429]);
  expectRefused(replies.find(({ status }) => status === 429)!);
});

test('registrations are ten an hour from one address', async () => {
  const here = from();
  const pool = createPool(service.connectionString, { max: 1, applicationName: 'test', onError: () => {} });
  const attempts = attemptLog(pool);
  for (let n = 0; n < 9; n++) await attempts.take(['registration', here['x-forwarded-for']], { limit: 10, length: 3_600_000 });
  await pool.end();
  const register = (name: string) =>
    service.anonymous.post('/auth/register', { email: `${name}@tasks.test`, password: 'Passw0rd-of-mine' }, here);
  const last = await register('tenth');
  expect([last.status, shown(last)]).toEqual([201, [10, 0]]);
  const refused = await register('eleventh');
  expectRefused(refused, 3600);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3500);
});

test('what runs the service, the documents and a browser’s questions are never limited', async () => {
  const here = from();
  await times(6, () => service.anonymous.get('/workflow', here));
  const paths = ['/health', '/ops/health', '/ready', '/metrics', '/ops/metrics', '/version', '/openapi.json', '/docs', '/', '/api/v1/docs'];
  const asked = [...paths.map((path) => ['GET', path]), ['OPTIONS', '/api/v1/tasks'], ['OPTIONS', '/api/v1/nothing'], ['GET', '/nothing']];
  for (const [method, path] of asked) {
    const reply = await service.anonymous.send(method!, path!, { headers: here });
    expect([path, reply.status === 429, isShown(reply)]).toEqual([path, false, [false, false, false]]);
  }
});
