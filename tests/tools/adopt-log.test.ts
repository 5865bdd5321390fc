import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { UnknownLog } from '../../src/events/store/known-logs.ts';
import { openS3Texts } from '../../src/platform/files/s3-texts.ts';
import { startEventStored } from '../support/eventstored.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type S3, startS3 } from '../support/s3.ts';
import { startTestService } from '../support/service.ts';
import { startWeakened } from '../support/weakened.ts';
import { withEventStoreDb } from '../support/with-eventstoredb.ts';
import { dataDirectory, runTool } from './run-tool.ts';

jest.setTimeout(120_000);

type Settings = Record<string, string>;
const opened: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

/** The settings of an installation with a database and a directory of its own. */
async function settings(others: Settings = {}): Promise<Settings & { DATABASE_URL: string; DATA_DIR: string }> {
  const database = await createTestDatabase();
  const directory = dataDirectory();
  opened.push(
    () => database.drop(),
    () => directory.remove(),
  );
  return { DATABASE_URL: database.connectionString, DATA_DIR: directory.path, ...others };
}

async function startAndStop(given: Settings): Promise<void> {
  await (await startTestService(given)).stop();
}

const refusal = (given: Settings) =>
  startAndStop(given).then(
    () => undefined,
    (error: unknown) => error,
  );

async function logIdOf({ DATABASE_URL }: Settings): Promise<string> {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  const { rows } = await client.query<{ log_id: string }>('select log_id from event_log.log').finally(() => client.end());
  return rows[0]!.log_id;
}

async function expectAdopted(given: Settings, log: string): Promise<void> {
  expect(await runTool('adopt-log', [randomUUID()], given)).toMatchObject({ code: 2, stderr: expect.stringContaining(log) });
  expect(await runTool('adopt-log', ['a-log'], given)).toMatchObject({ code: 2 });
  expect(await runTool('adopt-log', [log.toUpperCase()], given)).toMatchObject({ code: 0, stdout: expect.stringContaining(log) });
  await startAndStop(given);
}

// Settings that were copied lead a second installation to what belongs to a first one.
test('a DATA_DIR of another installation is refused until its log is adopted, and is left as it was', async () => {
  const first = await settings();
  await startAndStop(first);
  await startAndStop(first);
  const log = await logIdOf(first);
  const mark = await readFile(join(first.DATA_DIR, 'log-id'), 'utf8');
  const second = { ...(await settings()), DATA_DIR: first.DATA_DIR };
  const error = await refusal(second);
  expect(error).toBeInstanceOf(UnknownLog);
  expect(String(error)).toMatch(new RegExp(`DATA_DIR .* belongs to the event log ${log}.*npm run adopt-log -- ${log}`));
  await expectAdopted(second, log);
  expect(await readFile(join(first.DATA_DIR, 'log-id'), 'utf8')).toBe(mark);
  await startAndStop(first);
});

test('a log that was imported from the installation of the directory is known', async () => {
  const first = await settings();
  await startAndStop(first);
  const file = join(first.DATA_DIR, 'log.ndjson');
  expect(await runTool('export', [file], first)).toMatchObject({ code: 0 });
  const second = { ...(await settings()), DATA_DIR: first.DATA_DIR };
  expect(await runTool('import', [file], second)).toMatchObject({ code: 0 });
  await startAndStop(second);
});

test('a bucket of another installation is refused until its log is adopted', async () => {
  const s3: S3 = await startS3();
  opened.push(() => s3.stop());
  const first = await settings(s3.environment);
  await startAndStop(first);
  await startAndStop({ ...first, DATA_DIR: (await settings()).DATA_DIR });
  const log = await logIdOf(first);
  const second = await settings(s3.environment);
  const error = await refusal(second);
  expect(error).toBeInstanceOf(UnknownLog);
  expect(String(error)).toMatch(new RegExp(`The bucket .* belongs to the event log ${log}.*S3_BUCKET.*npm run adopt-log -- ${log}`));
  // Without the refusal, each installation removes the files of the other.
  const { DATA_DIR: _, ...sameStores } = await settings(s3.environment);
  await (await startWeakened({ sameStores }, ['storage of another installation is refused'])).stop();
  await expectAdopted(second, log);
  const texts = openS3Texts(s3.options);
  expect(await texts.all('log-id')).toEqual([`${log}\n`]);
  texts.close();
});

withEventStoreDb(() => {
  test('a log that another installation began is refused by service and tools, by its id, beginning and events, until it is adopted', async () => {
    const server = await startEventStored();
    opened.push(() => server.stop());
    const EVENTSTORE_URL = server.url();
    const first = await settings({ EVENTSTORE_URL });
    const one = await startTestService(first);
    const other = await startTestService({ ...first, DATA_DIR: (await settings()).DATA_DIR });
    await (await one.someone('ann')).post('/tasks', { title: 'Of the first installation' });
    const second = await settings({ EVENTSTORE_URL });
    const error = await refusal(second);
    expect(error).toBeInstanceOf(UnknownLog);
    const [, log = '', events = ''] =
      /did not begin: ([\da-f-]{36}), begun at 20[\d-]{8}T[\d:.]+Z, with (\d+) events\./.exec(String(error)) ?? [];
    expect(Number(events)).toBeGreaterThanOrEqual(3);
    expect(String(error)).toContain(`npm run adopt-log -- ${log}`);
    for (const [tool, ...args] of [['verify'], ['rebuild', 'listing'], ['export', join(second.DATA_DIR, 'log.ndjson')]])
      expect(await runTool(tool!, args, second)).toMatchObject({ code: 1, stderr: expect.stringContaining(log) });
    expect(await refusal(second)).toBeInstanceOf(UnknownLog);
    // Without the refusal, each installation writes to the log of the other.
    const { DATA_DIR: _, ...sameStores } = await settings({ EVENTSTORE_URL });
    await (await startWeakened({ sameStores }, ['a log of another installation is refused'])).stop();
    await expectAdopted(second, log);
    await Promise.all([one.stop(), other.stop()]);
    await startAndStop(first);
  });

  test('a log that was moved to EventStoreDB is known there', async () => {
    const moved = await settings();
    await startAndStop(moved);
    const target = await startEventStored();
    opened.push(() => target.stop());
    expect(await runTool('migrate-store', ['--from', 'postgres', '--to', target.url()], moved)).toMatchObject({ code: 0 });
    await startAndStop({ ...moved, EVENTSTORE_URL: target.url() });
  });
});
