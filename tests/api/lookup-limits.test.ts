import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createClient, type Reply, startTestService, type TestService } from '../support/service.ts';
import { startWeakened } from '../support/weakened.ts';

const limits = { RATE_LIMIT_USER_PER_MINUTE: '600', RATE_LIMIT_LOGIN_PER_MINUTE: '10' };

let service: TestService;
let names = 0;
beforeAll(async () => {
  service = await startTestService(limits);
});
afterAll(() => service?.stop());

const someone = () => service.someone(`person${++names}`);
const statuses = (replies: readonly Reply[]) => replies.map(({ status }) => status);

/** Twelve attempts on one account, by each of its names in turn. */
async function attemptsByName(url: string): Promise<number[]> {
  const { username } = await someone();
  const email = `${username}@tasks.test`;
  const spelt = [{ email }, { username }, { email: email.toUpperCase() }, { username: username.toUpperCase() }];
  const replies: Reply[] = [];
  for (let n = 0; n < 12; n++)
    replies.push(await createClient(url).post('/auth/login', { ...spelt[n % spelt.length], password: 'not this one' }));
  return statuses(replies);
}

test('twelve attempts on one account by e-mail, username and case in turn are ten', async () => {
  expect(await attemptsByName(service.url)).toEqual([...Array(10).fill(401), 429, 429]);
});

test('each name has attempts of its own without this: attempts are counted by account', async () => {
  const weakened = await startWeakened({ sameStores: { ...service.sameStores, ...limits } }, ['attempts are counted by account']);
  try {
    expect(await attemptsByName(weakened.url)).toEqual(Array(12).fill(401));
  } finally {
    await weakened.stop();
  }
}, 30_000);

test('thirty shares an hour may be by addresses that find no one, and those that find someone do not count', async () => {
  const [ann, bob] = [await someone(), await someone()];
  await service.verifyAddress(bob);
  const { id } = (await ann.post('/tasks', { title: 'A secret' })).body;
  const share = (email: string) => ann.post(`/tasks/${id}/share`, { email });
  expect((await share(`${bob.username}@tasks.test`)).status).toBe(201);
  expect((await share(`${bob.username}@tasks.test`)).status).toBe(409);
  const misses = await Promise.all(Array.from({ length: 31 }, (_, n) => share(`no-one-${n}@tasks.test`)));
  expect(statuses(misses).sort()).toEqual([...Array(30).fill(404), 429]);
  const refused = await share(`${bob.username}@tasks.test`);
  expect([refused.status, refused.body.error.code]).toEqual([429, 'RATE_LIMITED']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await ann.post(`/tasks/${id}/share`, { username: bob.username })).status).toBe(409);
});
