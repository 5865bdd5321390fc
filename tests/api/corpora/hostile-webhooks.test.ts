import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type Client, createClient } from '../../support/service.ts';
import { startWeakened, type Weakened } from '../../support/weakened.ts';
import { type Receiver, startReceiver } from '../../support/webhook-receiver.ts';

const given = 'addresses of webhooks are looked at when they are given';
const changed = 'addresses of webhooks are looked at when they are changed';
const called = ['what is called is of the public internet', 'what names lead to is of the public internet'];

let database: TestDatabase;
let weakened: Weakened;
let receiver: Receiver;
let attacker: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  [weakened, receiver] = await Promise.all([
    startWeakened({ sameStores: { DATABASE_URL: database.connectionString } }),
    startReceiver('0.0.0.0'),
  ]);
  const body = { email: 'attacker@tasks.test', username: 'attacker', password: 'Passw0rd-of-mine' };
  const { access_token: token } = (await createClient(weakened.url).post('/auth/register', body)).body;
  const client = new pg.Client(database.connectionString);
  await client.connect();
  await client.query('update accounts.users set email_verified = true').finally(() => client.end());
  attacker = createClient(weakened.url, token);
}, 60_000);
afterAll(async () => {
  await weakened?.stop();
  await receiver?.stop();
  await database?.drop();
});

/** Ways to say this machine, none of which says so to whoever looks at the text. */
const hosts = ['127.0.0.1', '127.1', '2130706433', '0x7f.0.0.1', '0177.0.0.1', '127.0.0.1.', '0.0.0.0', '[::ffff:127.0.0.1]', 'localhost', 'LocalHost']; // biome-ignore format: a list

const urls = () => hosts.map((host, n) => `http://${host}:${receiver.port}/${n}`);
const metadata = ['http://169.254.169.254/latest/meta-data/', 'http://[fd00:ec2::254]/', 'http://10.0.0.1/', 'http://localhost./', 'http://[64:ff9b::7f00:1]/', 'http://[2002:7f00:1::]/']; // biome-ignore format: a list
const refused = (reply: { status: number; body: { error?: { code: string } } }) => [reply.status, reply.body?.error?.code];
const types = ['user.erased'];

test('an address inside is refused when a webhook is made, and when one is changed', async () => {
  for (const url of [...urls(), ...metadata, 'http://93.184.215.14:22/', 'https://a:b@93.184.215.14/', 'ftp://93.184.215.14/'])
    expect([url, ...refused(await attacker.post('/webhooks', { url, types }))]).toEqual([url, 422, 'WEBHOOK_URL_FORBIDDEN']);
  const { id } = (await attacker.post('/webhooks', { url: 'https://93.184.215.14/', types })).body;
  for (const url of urls())
    expect([url, ...refused(await attacker.patch(`/webhooks/${id}`, { url }))]).toEqual([url, 422, 'WEBHOOK_URL_FORBIDDEN']);
  expect((await attacker.get(`/webhooks/${id}`)).body.url).toBe('https://93.184.215.14/');
  await attacker.delete(`/webhooks/${id}`);
});

test('one that got in all the same is refused when it is called; without that, each reaches what is inside', async () => {
  await weakened.without(given, changed);
  const ids: string[] = [];
  for (const url of urls()) {
    const made = await attacker.post('/webhooks', { url: 'https://93.184.215.14/', types });
    expect([url, (await attacker.patch(`/webhooks/${made.body.id}`, { url })).status]).toEqual([url, 200]);
    ids.push(made.body.id);
  }
  const told = async () => {
    for (const id of ids) expect((await attacker.post(`/webhooks/${id}/test`)).status).toBe(202);
    for (const end = performance.now() + 10_000; ; await pause(20)) {
      const all = await Promise.all(ids.map(async (id) => (await attacker.get(`/webhooks/${id}/deliveries?limit=1`)).body.items[0]));
      if (all.every(({ status }) => status !== 'waiting') || performance.now() > end) return all;
    }
  };
  for (const { status, response_status, error } of await told())
    expect([status, response_status, error]).toEqual(['failed', null, expect.stringContaining('not public')]);
  expect(receiver.received).toEqual([]);

  await weakened.without(given, changed, ...called);
  expect((await told()).map(({ status }) => status)).toEqual(ids.map(() => 'delivered'));
  expect(receiver.received.map(({ path }) => path).sort()).toEqual(hosts.map((_, n) => `/${n}`).sort());
});
