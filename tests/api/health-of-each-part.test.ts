import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/platform/logging.ts';
import { startService } from '../../src/service.ts';
import { freePort } from '../support/free-port.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { createClient, keys, startTestService } from '../support/service.ts';

jest.setTimeout(60_000);

const opened: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (const giveUpAt = performance.now() + 20_000; !(await isTrue()); await sleep(50))
    if (performance.now() > giveUpAt) throw new Error(`it has not come true: ${isTrue}`);
}

test('an event that cannot be read stops the read models alone, with its position and type, and a rebuild has its own error', async () => {
  const database = await createTestDatabase();
  opened.push(() => database.drop());
  const service = await startTestService({ DATABASE_URL: database.connectionString });
  opened.push(() => service.stop());
  const admin = await service.admin();
  const client = new pg.Client({ connectionString: database.connectionString });
  await client.connect();
  const { rows } = await client.query<{ position: string }>(
    `insert into event_log.events (position, origin, revision, stream, id, type, metadata, data)
     select max(position) + 1, max(position) + 1, 0, $1, $2, 'TaskCreated', '\\x00', '\\x00' from event_log.events returning position`,
    [`task-${randomUUID()}`, randomUUID()],
  );
  await client.end();
  const fault = new RegExp(`^cannot apply TaskCreated at position ${rows[0]!.position} `);
  expect((await admin.post('/tasks', { title: 'Behind it' })).status).toBe(201);
  const health = async () => (await service.anonymous.send('GET', '/health/detailed')).body;
  const listing = async () => (await admin.get('/admin/projections/listing')).body;
  type Shown = { error: string | null; lag_events: number };
  const shown = async () => Object.values<Shown>((await health()).checks.projector.projections);
  await until(async () => (await shown()).every(({ error }) => error !== null));
  const { checks } = await health();
  expect(checks).toMatchObject({ eventstore: { status: 'healthy' }, postgres: { status: 'healthy' }, projector: { status: 'unhealthy' } });
  for (const { error, lag_events } of Object.values<Shown>(checks.projector.projections)) {
    expect(error).toMatch(fault);
    expect(lag_events).toBeGreaterThanOrEqual(2);
  }
  expect(await listing()).toMatchObject({ state: 'stopped', error: expect.stringMatching(fault), rebuild: null });
  expect((await service.anonymous.send('GET', '/metrics')).text).toMatch(/tasktrail_projection_lag_events\{projection="listing"\} [2-9]/);
  expect((await admin.post('/admin/projections/listing/rebuild')).status).toBe(202);
  await until(async () => typeof (await listing()).rebuild?.error === 'string');
  expect((await listing()).rebuild.error).toMatch(fault);
  const rebuildError = async () => (await health()).checks.projector.projections.listing.rebuild_error;
  await until(async () => (await rebuildError()) !== null);
  expect(await rebuildError()).toMatch(fault);
});

test('while the start waits for EventStoreDB alone, PostgreSQL is healthy, and readiness names the event store', async () => {
  const database = await createTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-starting-'));
  opened.push(
    () => database.drop(),
    () => rm(directory, { recursive: true, force: true }),
  );
  const port = await freePort();
  const config = loadConfig({
    ...{ ...keys, ENVIRONMENT: 'test', DATA_DIR: directory, PORT: String(port), DATABASE_URL: database.connectionString },
    EVENTSTORE_URL: `esdb://127.0.0.1:${await freePort()}?tls=false`,
  });
  const stopping = new AbortController();
  const starting = startService(config, createLog({ level: 'silent', format: 'json' }, { write() {} }), stopping.signal);
  const refused = expect(starting).rejects.toThrow();
  const { send } = createClient(`http://127.0.0.1:${port}`);
  await until(async () => (await send('GET', '/ready').catch(() => null))?.body.reason === 'starting: waiting for the event store');
  const { checks } = (await send('GET', '/health/detailed')).body;
  expect([checks.postgres.status, checks.eventstore.status, checks.projector.status]).toEqual(['healthy', 'unhealthy', 'unhealthy']);
  expect(checks.eventstore.error).toMatch(/the start waits for it/);
  expect((await send('GET', '/health')).body).toEqual({ status: 'healthy', database: 'healthy' });
  stopping.abort();
  await refused;
});
