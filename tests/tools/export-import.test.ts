import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from '../support/postgres.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { fillLog } from './history.ts';
import { dataDirectory, runTool, startTool } from './run-tool.ts';

jest.setTimeout(60_000);

const directory = dataDirectory();
const open: (() => Promise<unknown>)[] = [];
const file = join(directory.path, 'log.ndjson');
let service: TestService;
let exported: string;

beforeAll(async () => {
  service = await startTestService();
  open.push(() => service.stop());
  const ann = await service.someone('ann');
  for (const title of ['Water the plants', 'Feed the cat']) await ann.post('/tasks', { title, description: 'Today: 日' });
  const { code, stdout } = await runTool('export', [file], environmentOf(service.connectionString));
  expect(code).toBe(0);
  exported = stdout;
});
afterAll(async () => {
  for (const close of open.reverse()) await close();
  await directory.remove();
});

const environmentOf = (connectionString: string) => ({ DATA_DIR: directory.path, DATABASE_URL: connectionString });

async function emptyDatabase(): Promise<string> {
  const database = await createTestDatabase();
  open.push(() => database.drop());
  return database.connectionString;
}

async function rowsOf<Row extends pg.QueryResultRow>(connectionString: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
const logOf = (connectionString: string) =>
  rowsOf(
    connectionString,
    `select stream, revision, id, type, encode(metadata, 'hex') metadata, encode(data, 'hex') data from event_log.events order by position`,
  );

describe('exporting a log', () => {
  test('is done while the service runs, and tells what is in the file', async () => {
    const { rows: lines } = { rows: (await readFile(file, 'utf8')).trimEnd().split('\n') };
    expect(JSON.parse(lines[0]!)).toMatchObject({ format: 'tasktrail log' });
    const footer = JSON.parse(lines.at(-1)!);
    expect(footer.events).toBe((await logOf(service.connectionString)).length);
    expect(footer.keys).toBe(2);
    expect(exported).toContain(`${footer.events} events and 2 data keys`);
    expect(exported).toContain(footer.sha256);
    expect(await readFile(file, 'utf8')).not.toContain('plants');
  });

  test('does not write over a file, and says how it is called when it is called wrongly', async () => {
    const again = await runTool('export', [file], environmentOf(service.connectionString));
    expect(again).toMatchObject({ code: 1, stderr: `${file} is there already\n` });
    const without = await runTool('export', [], environmentOf(service.connectionString));
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('usage: npm run export -- file.ndjson') });
  });
});

describe('importing a log', () => {
  test('makes the same log in an empty installation, and the service goes on with it', async () => {
    const connectionString = await emptyDatabase();
    const { code, stdout } = await runTool('import', [file], environmentOf(connectionString));
    expect(code).toBe(0);
    expect(stdout).toContain(JSON.parse((await readFile(file, 'utf8')).trimEnd().split('\n').at(-1)!).sha256);
    expect(await logOf(connectionString)).toEqual(await logOf(service.connectionString));
    expect(await rowsOf(connectionString, 'select log_id from event_log.log')).toEqual(
      await rowsOf(service.connectionString, 'select log_id from event_log.log'),
    );
    const other = await startTestService({ DATABASE_URL: connectionString });
    open.push(() => other.stop());
    const admin = await other.admin();
    const titles = async () =>
      (await admin.get('/tasks?scope=everyone&sort_by=title')).body.items.map(({ title }: { title: string }) => title);
    for (const deadline = Date.now() + 10_000; (await titles()).length < 2 && Date.now() < deadline; ) await pause(50);
    expect(await titles()).toEqual(['Feed the cat', 'Water the plants']);
    expect((await admin.post('/tasks', { title: 'Go on' })).status).toBe(201);
  });

  test('is refused while the service runs, and by a log that has other events', async () => {
    const running = await runTool('import', [file], environmentOf(service.connectionString));
    expect(running).toMatchObject({ code: 1, stderr: expect.stringContaining('stop every instance first') });
    const other = await emptyDatabase();
    await fillLog(other, { tasks: 2, events: 3 });
    const refused = await runTool('import', [file], environmentOf(other));
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('PostgreSQL holds another log') });
    expect(await logOf(other)).toHaveLength(3);
  });

  test('is refused with another master key, and for a file that was cut off: then nothing is written', async () => {
    const connectionString = await emptyDatabase();
    const otherKey = await runTool('import', [file], {
      ...environmentOf(connectionString),
      MASTER_KEY: 'another master key, long enough as well',
    });
    expect(otherKey).toMatchObject({ code: 1, stderr: expect.stringContaining('MASTER_KEY') });
    const cut = join(directory.path, 'cut.ndjson');
    await writeFile(cut, (await readFile(file, 'utf8')).slice(0, -50));
    const cutOff = await runTool('import', [cut], environmentOf(connectionString));
    expect(cutOff).toMatchObject({ code: 1, stderr: expect.stringContaining('cut off') });
    expect(await logOf(connectionString)).toEqual([]);
    expect(await rowsOf(connectionString, 'select from event_log.data_keys')).toEqual([]);
  });

  test('that was killed goes on where it was', async () => {
    const source = await emptyDatabase();
    await fillLog(source, { tasks: 500, events: 9_000 });
    const long = join(directory.path, 'long.ndjson');
    expect(await runTool('export', [long], environmentOf(source))).toMatchObject({ code: 0 });
    const connectionString = await emptyDatabase();
    const killed = startTool('import', [long], environmentOf(connectionString));
    const count = async () => (await logOf(connectionString).catch(() => [])).length;
    for (const deadline = Date.now() + 20_000; (await count()) === 0 && Date.now() < deadline; ) await pause(5);
    killed.child.kill('SIGKILL');
    await killed.outcome;
    const there = await count();
    expect(there).toBeGreaterThan(0);
    expect(there).toBeLessThan(9_000);
    const { code, stdout } = await runTool('import', [long], environmentOf(connectionString));
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`9000 events are there, ${there} of which had been there`),
    });
  });
});
