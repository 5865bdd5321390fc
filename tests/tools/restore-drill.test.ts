import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from '../support/postgres.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { dataDirectory, runTool } from './run-tool.ts';

jest.setTimeout(60_000);

const directory = dataDirectory();
const backup = join(directory.path, 'backup.ndjson');
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let pool: pg.Pool;
let service: TestService | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.connectionString, max: 2 });
  pool.on('error', () => {});
});
afterAll(async () => {
  await service?.stop();
  await pool.end();
  await database.drop();
  await directory.remove();
});

const environment = () => ({ DATA_DIR: directory.path, DATABASE_URL: database.connectionString });
async function start(): Promise<TestService> {
  service = await startTestService({ DATABASE_URL: database.connectionString });
  return service;
}
async function stop(): Promise<void> {
  await service?.stop();
  service = undefined;
}

async function titles(person: Client): Promise<string[]> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await pause(20)) {
    const reply = await person.get('/tasks?sort_by=title');
    if (reply.headers.get('tasktrail-stale') === null) return reply.body.items.map(({ title }: { title: string }) => title);
  }
  throw new Error('the read models do not catch up');
}
const actionsOf = async (person: Client) =>
  (await person.get('/activity?per_page=100')).body.items.map(({ action, details }: { action: string; details: { title?: string } }) =>
    [action, details.title].join(' '),
  );

// The drill of docs/operations.md: the log comes back from a backup that is older than the read models.
test('a log restored from an older backup is noticed at the start, and the command that the message names puts it right', async () => {
  const ann = await (await start()).someone('ann');
  for (const title of ['Apples', 'Bread']) await ann.post('/tasks', { title });
  expect(await titles(ann)).toEqual(['Apples', 'Bread']);
  const kept = await actionsOf(ann);
  expect(await runTool('export', [backup], environment())).toMatchObject({ code: 0 });
  for (const title of ['Cheese', 'Dates']) await ann.post('/tasks', { title });
  expect(await titles(ann)).toHaveLength(4);
  await stop();

  await pool.query('truncate event_log.events');
  expect(await runTool('import', [backup], environment())).toMatchObject({ code: 0 });

  const refusal = await start().then(
    () => '',
    (error: Error) => error.message,
  );
  expect(refusal).toContain('The read models are not of this event log as it stands: listing is at position');
  const command = /npm run (rebuild) -- (listing activity[a-z ]*)$/.exec(refusal);
  const { code, stdout } = await runTool(command![1]!, command![2]!.split(' '), environment());
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/generation 2 of listing[\s\S]*generation 2 of activity/),
  });

  const again = (await start()).as(ann);
  expect(await titles(again)).toEqual(['Apples', 'Bread']);
  expect(await actionsOf(again)).toEqual(kept);
  await again.post('/tasks', { title: 'Eggs' });
  expect(await titles(again)).toEqual(['Apples', 'Bread', 'Eggs']);
});
