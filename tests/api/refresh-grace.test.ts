import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { createClient, type Reply, startTestService, type TestService } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';

let service: TestService;
let weakened: Weakened;
let database: pg.Client;
let names = 0;

beforeAll(async () => {
  service = await startTestService();
  // The weakenings are in statements, which are made when the module is loaded.
  database = new pg.Client({ connectionString: service.connectionString });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await service?.stop();
});
afterEach(async () => weakened?.stop());

interface Asked {
  again: Reply;
  /** Whether the session that the first refresh continued is still there. */
  isSignedIn: boolean;
}

/** Refreshes, lets something happen, and refreshes with the same token again. */
async function refreshedTwice(url: string, between: Between = {}): Promise<Asked> {
  const { anonymous } = { anonymous: createClient(url) };
  const name = `ann${++names}`;
  const first = (await anonymous.post('/auth/register', { email: `${name}@tasks.test`, username: name, password: 'Passw0rd-of-mine' }))
    .body;
  const refresh = (token: string, agent = 'a browser') =>
    anonymous.post('/auth/refresh', { refresh_token: token }, { 'user-agent': agent });
  const second = (await refresh(first.refresh_token)).body;
  if (between.seconds)
    await database.query(`update accounts.refresh_tokens set used_at = used_at - $1::interval`, [`${between.seconds} s`]);
  if (between.isSuccessorUsed) await refresh(second.refresh_token);
  const again = await refresh(first.refresh_token, between.agent);
  if (again.status === 200) expect(again.body.refresh_token).toBe(second.refresh_token);
  return { again, isSignedIn: (await createClient(url, second.access_token).get('/auth/me')).status === 200 };
}

interface Between {
  seconds?: number;
  agent?: string;
  isSuccessorUsed?: boolean;
}

const code = ({ status, body }: Reply) => `${status} ${body.error?.code ?? ''}`.trim();

test('a refresh that is repeated at once gets the same successor, and tells of no reuse', async () => {
  const { again, isSignedIn } = await refreshedTwice(service.url);
  expect([code(again), isSignedIn]).toEqual(['200', true]);
  const admin = await service.admin();
  expect((await admin.get('/admin/security-events?kind=token_reused')).body.items).toEqual([]);
});

const reuses: [name: string, defence: string, between: Between][] = [
  ['more than ten seconds later', 'a refresh is repeated within seconds', { seconds: 10.5 }],
  ['from another user agent', 'a refresh is repeated by the same agent', { agent: 'another' }],
  ['after its successor was used', 'a refresh is repeated while its successor is unused', { isSuccessorUsed: true }],
];

test.each(reuses)('a refresh that is repeated %s ends the session', async (_, __, between) => {
  const { again, isSignedIn } = await refreshedTwice(service.url, between);
  expect([code(again), isSignedIn]).toEqual(['401 TOKEN_REUSED', false]);
});

test.each(reuses)(
  'a refresh that is repeated %s gets through without this: %s',
  async (_, defence, between) => {
    weakened = await startWeakened(service, [defence]);
    const { again, isSignedIn } = await refreshedTwice(weakened.url, between);
    expect([code(again), isSignedIn]).toEqual(['200', true]);
  },
  30_000,
);
