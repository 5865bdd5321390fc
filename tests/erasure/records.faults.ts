import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../accounts/support.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type S3, startS3 } from '../support/s3.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';
import { runTool } from '../tools/run-tool.ts';

jest.setTimeout(90_000);

let database: TestDatabase;
let s3: S3;
let ann: Client;
const directories: string[] = [];
const running: { stop(): Promise<void> }[] = [];
const copies: string[] = [];

const newDirectory = async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-records-'));
  directories.push(directory);
  return directory;
};
const start = async (connectionString: string, directory: string, more: Record<string, string> = {}): Promise<TestService> => {
  const service = await startTestService({ DATABASE_URL: connectionString, DATA_DIR: directory, ...more });
  running.push(service);
  return service;
};
const stopAll = async () => {
  for (const service of running.splice(0)) await service.stop();
};
const onServer = async (...statements: string[]) => {
  const client = new pg.Client({ connectionString: Object.assign(new URL(database.connectionString), { pathname: '/postgres' }).href });
  await client.connect();
  for (const statement of statements) await client.query(statement).finally(() => {});
  await client.end();
};
/** A backup of the database as it is, or the database as it is in a backup. */
const copy = async (from: string): Promise<string> => {
  const name = `${new URL(database.connectionString).pathname.slice(1)}_${copies.length}`;
  await onServer(`create database ${name} template ${new URL(from).pathname.slice(1)}`);
  copies.push(name);
  return Object.assign(new URL(from), { pathname: `/${name}` }).href;
};
const recordIn = (directory: string) => readFile(join(directory, 'erasures.ndjson'), 'utf8').catch(() => '');
const headsIn = (directory: string) => readFile(join(directory, 'log-heads.ndjson'), 'utf8').catch(() => '');
const isErased = async (connectionString: string) => {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query('select 1 from accounts.erasures where done_at is not null and user_id = $1', [ann.id]);
  await client.end();
  return rows.length === 1;
};
const missing = async (service: TestService) =>
  (await service.anonymous.send('GET', '/health/detailed')).body.checks.eventstore.missing_records as string[];
const password = 'Passw0rd-of-mine';

let backup: string;
beforeAll(async () => {
  [database, s3] = await Promise.all([createTestDatabase(), startS3()]);
  const service = await start(database.connectionString, await newDirectory());
  ann = await service.someone('ann');
  await ann.post('/tasks', { title: 'Of ann' });
  await stopAll();
  backup = await copy(database.connectionString);
});
afterEach(stopAll);
afterAll(async () => {
  await s3?.stop();
  await onServer(...copies.map((name) => `drop database ${name} with (force)`));
  await database?.drop();
  for (const path of directories) await rm(path, { recursive: true, force: true });
});

/** Two instances on a fresh copy of the backup, at the first of which ann is erased; both are stopped when both have recorded it. */
async function erasedOnTwo(more: Record<string, string> = {}): Promise<{ first: string; second: string }> {
  const [connectionString, first, second] = [await copy(backup), await newDirectory(), await newDirectory()];
  const one = await start(connectionString, first, more);
  await start(connectionString, second, more);
  expect(await one.as(ann).delete('/auth/me', { password })).toMatchObject({ status: 204 });
  for (const directory of [first, second])
    expect(
      await eventually(
        () => recordIn(directory),
        (text) => text.includes(ann.id),
        20_000,
      ),
    ).toContain(ann.id);
  await eventually(
    () => headsIn(second),
    (text) => text.includes('signature'),
    20_000,
  );
  await stopAll();
  return { first, second };
}

test('with the folder of the instance that erased them gone, the other one erases them again after a restore', async () => {
  const { second } = await erasedOnTwo();
  expect(await headsIn(second)).toContain('signature');
  const restored = await copy(backup);
  await start(restored, second);
  expect(
    await eventually(
      () => isErased(restored),
      (done) => done,
      20_000,
    ),
  ).toBe(true);
});

test('with both folders gone, the copies in the bucket have them erased again, and nothing is missing', async () => {
  await erasedOnTwo(s3.environment);
  const restored = await copy(backup);
  const service = await start(restored, await newDirectory(), s3.environment);
  expect(
    await eventually(
      () => isErased(restored),
      (done) => done,
      20_000,
    ),
  ).toBe(true);
  expect(await missing(service)).toEqual([]);
});

test('with both folders gone and no bucket, the start, health and verify say so', async () => {
  await erasedOnTwo();
  const directory = await newDirectory();
  const verified = await runTool('verify', [], { DATA_DIR: await newDirectory(), DATABASE_URL: backup });
  expect(verified).toMatchObject({ code: 1, stdout: expect.stringContaining('no signed heads here') });
  const service = await start(await copy(backup), directory);
  expect(await missing(service)).toEqual([
    expect.stringContaining('no record of erasures'),
    expect.stringContaining('no signed heads here'),
  ]);
  expect(service.log.some((line) => line.includes('records are missing: there is no record of erasures here'))).toBe(true);
});

test('an instance without the copying of erasures has no record of what another one erased', async () => {
  const connectionString = await copy(backup);
  const one = await start(connectionString, await newDirectory());
  const weakened: Weakened = await startWeakened({ sameStores: { DATABASE_URL: connectionString } }, [
    'each instance records every erasure',
  ]);
  running.unshift(weakened);
  const other = await start(connectionString, await newDirectory());
  expect(await one.as(ann).delete('/auth/me', { password })).toMatchObject({ status: 204 });
  await eventually(
    () => recordIn(directories.at(-1)!),
    (text) => text.includes(ann.id),
    20_000,
  );
  expect(other).toBeDefined();
  expect(await recordIn(weakened.directory)).not.toContain(ann.id);
});
