import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { createKeyWrap } from '../../src/events/keys/master-key.ts';
import { dataKeysTable, rewrapTable } from '../../src/events/keys/rewrap.ts';
import { webhookSecretsTable } from '../../src/subscribers/webhooks/secret.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Client, keys, startTestService, type TestService } from '../support/service.ts';
import { dataDirectory, runTool } from './run-tool.ts';

jest.setTimeout(60_000);

const directory = dataDirectory();
const next = { MASTER_KEY: 'the master key that comes next, 0123456789', FORMER_MASTER_KEY: keys.MASTER_KEY! };
const both = { master: next.MASTER_KEY, formerMaster: next.FORMER_MASTER_KEY };
let former: TestService;
let newer: TestService;
let pool: pg.Pool;
let ann: Client;
let ids: string[];

/** Two instances that open both keys, of which either is the one that seals. */
beforeAll(async () => {
  const first = await startTestService({ MASTER_KEY: keys.MASTER_KEY!, FORMER_MASTER_KEY: next.MASTER_KEY, WEBHOOK_ALLOW_PRIVATE: 'true' });
  former = first;
  newer = await startTestService({ ...former.sameStores, ...next });
  pool = new pg.Pool({ connectionString: former.connectionString, max: 2 });
  ann = await former.someone('ann');
  ids = [];
  for (let n = 0; n < 12; n++) ids.push((await (n % 2 ? ann : newer.as(ann)).post('/tasks', { title: `Title ${n}` })).body.id);
  await ann.post(`/tasks/${ids[0]}/comments`, { content: 'A comment' });
  const webhook = await (await former.admin()).post('/webhooks', { url: 'http://127.0.0.1:9/', types: ['*'] });
  expect(webhook.status).toBe(201);
});
afterAll(async () => {
  await pool?.end();
  await newer?.stop();
  await former?.stop();
  await directory.remove();
});

async function openedBy(master: string): Promise<number> {
  let opened = 0;
  for (const { table, column, context, purpose } of [dataKeysTable, webhookSecretsTable]) {
    const { rows } = await pool.query<{ sealed: Buffer; context: string }>(
      `select ${column} as sealed, ${context} as context from ${table} where ${column} <> ''`,
    );
    opened += rows.filter(({ sealed, context }) => createKeyWrap({ master }, purpose).isCurrent(sealed, context)).length;
  }
  return opened;
}

test('everything is sealed by the new key, however often the rotation is cut off, and no request notices', async () => {
  const load = new AbortController();
  const statuses: number[] = [];
  const loading = (async () => {
    for (let n = 0; !load.signal.aborted; n++) {
      const who = n % 2 ? ann : newer.as(ann);
      statuses.push((await who.get(`/tasks/${ids[n % ids.length]}`)).status, (await who.post('/tasks', { title: 'Meanwhile' })).status);
      await pause(5);
    }
  })();
  // Each run is cut off after its first batch, and the next one goes on behind it.
  const wrapped: number[] = [];
  for (let left = true; left; ) {
    const stopping = new AbortController();
    const onBatch = (rows: number) => {
      wrapped.push(rows);
      stopping.abort();
    };
    const options = { batchSize: 4, signal: stopping.signal, onBatch };
    left = await rewrapTable(pool, both, dataKeysTable, options).then(
      () => false,
      () => true,
    );
    if (wrapped.length > 200) throw new Error('it does not come to its end');
    if (wrapped.length === 3) {
      load.abort();
      await loading;
    }
  }
  expect(wrapped.length).toBeGreaterThan(3);
  expect(new Set(statuses)).toEqual(new Set([200, 201]));

  const environment = { DATA_DIR: directory.path, ...former.sameStores, ...next };
  const rotated = await runTool('rotate-keys', ['--batch', '5'], environment);
  expect(rotated).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 secrets of webhooks and the check value are sealed by MASTER_KEY now'),
  });
  expect(await openedBy(keys.MASTER_KEY!)).toBe(0);
  expect(await openedBy(next.MASTER_KEY)).toBeGreaterThan(12);
  const alone = await startTestService({ ...former.sameStores, MASTER_KEY: next.MASTER_KEY });
  for (const [n, id] of ids.entries()) expect(await alone.as(ann).get(`/tasks/${id}`)).toMatchObject({ body: { title: `Title ${n}` } });
  await alone.stop();
  await expect(startTestService({ ...former.sameStores, MASTER_KEY: keys.MASTER_KEY! })).rejects.toThrow(/^MASTER_KEY is not/);
});

test('the tool says what to do about a leak, and what it wants', async () => {
  const environment = { DATA_DIR: directory.path };
  for (const leaked of ['master', 'secret', 'signing', 'database'])
    expect(await runTool('rotate-keys', ['--what-leaked', leaked], environment)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1. '),
    });
  expect(await runTool('rotate-keys', ['--what-leaked', 'nothing'], environment)).toMatchObject({ code: 2 });
  expect(await runTool('rotate-keys', [], { DATA_DIR: directory.path, ...former.sameStores })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('FORMER_MASTER_KEY is not set'),
  });
});

test('another SECRET_KEY ends refresh tokens as well', async () => {
  const database = await createTestDatabase();
  const stores = { DATABASE_URL: database.connectionString };
  const eve = { email: 'eve@tasks.test', username: 'eve', password: 'Passw0rd-of-mine' };
  const first = await startTestService(stores);
  const { refresh_token } = (await first.anonymous.post('/auth/register', eve)).body;
  await first.stop();
  const same = await startTestService(stores);
  const refreshed = await same.anonymous.post('/auth/refresh', { refresh_token });
  expect(refreshed.status).toBe(200);
  await same.stop();
  const another = await startTestService({ ...stores, SECRET_KEY: 'another secret key of the tests, long enough' });
  expect(await another.anonymous.post('/auth/refresh', { refresh_token: refreshed.body.refresh_token })).toMatchObject({ status: 401 });
  expect(await another.anonymous.post('/auth/login', { username: 'eve', password: eve.password })).toMatchObject({ status: 200 });
  await another.stop();
  await database.drop();
});
