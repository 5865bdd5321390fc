import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../accounts/support.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { everyTable, found } from './everything-kept.ts';

jest.setTimeout(90_000);

const password = 'Passw0rd-of-mine';
let database: TestDatabase;
let directory: string;
let elsewhere: string;
let service: TestService | undefined;
beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-restore-'));
  elsewhere = await mkdtemp(join(tmpdir(), 'tasktrail-elsewhere-'));
});
afterAll(async () => {
  await service?.stop();
  await database.drop();
  for (const path of [directory, elsewhere]) await rm(path, { recursive: true, force: true });
});

const copyOf = (connectionString: string) =>
  Object.assign(new URL(connectionString), { pathname: `${new URL(connectionString).pathname}_copy` }).href;
const start = async (connectionString: string, dataDir: string) => {
  service = await startTestService({ DATABASE_URL: connectionString, DATA_DIR: dataDir });
  return service;
};
const stop = async () => {
  await service?.stop();
  service = undefined;
};

async function inDatabase<R extends pg.QueryResultRow>(connectionString: string, ...statements: string[]): Promise<R[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    let rows: R[] = [];
    for (const statement of statements) ({ rows } = await client.query<R>(statement));
    return rows;
  } finally {
    await client.end();
  }
}

const untilErased = (connectionString: string) =>
  eventually(
    () => inDatabase(connectionString, 'select from accounts.erasures where done_at is not null'),
    (done) => done.length === 1,
    20_000,
  );
/** Every instance follows the erasures and records them by itself. */
const untilRecorded = (dataDir: string, userId: string) =>
  eventually(
    () => readFile(join(dataDir, 'erasures.ndjson'), 'utf8'),
    (recorded) => recorded.includes(userId),
    5_000,
  );
const namesOf = (connectionString: string) =>
  inDatabase<{ type: string }>(connectionString, `select type from event_log.events where stream like 'user-%' and type like 'UserEras%'`);

test('who was erased is erased again: by the record beside a database from before, and by the log where accounts and keys are from before', async () => {
  const original = database.connectionString;
  let running = await start(original, directory);
  const ann = await running.someone('ann-c4nary');
  await ann.post('/tasks', { title: 'c4nary title' });
  const bob = await running.someone('bob');
  const task = (await bob.post('/tasks', { title: 'Of bob' })).body;
  await bob.post(`/tasks/${task.id}/share`, { user_id: ann.id });
  await ann.post(`/tasks/${task.id}/comments`, { content: 'c4nary comment' });
  await bob.get('/activity');
  await stop();
  const { pathname } = new URL(original);
  const maintenance = Object.assign(new URL(original), { pathname: '/postgres' }).href;
  await inDatabase(maintenance, `create database ${pathname.slice(1)}_copy template ${pathname.slice(1)}`);
  try {
    const [account] = await inDatabase(original, `select * from accounts.users where username = 'ann-c4nary'`);
    const before = await inDatabase<{ id: string; wrapped: Buffer }>(original, 'select id, wrapped from event_log.data_keys');

    running = await start(original, directory);
    expect((await running.as(ann).delete('/auth/me', { password })).status).toBe(204);
    await untilRecorded(directory, ann.id);
    await stop();

    const restored = copyOf(original);
    expect(found(['c4nary title', 'c4nary comment', 'ann-c4nary'], await everyTable(restored))).not.toEqual([]);
    await start(restored, directory);
    await untilErased(restored);
    expect(found(['c4nary'], await everyTable(restored))).toEqual([]);
    expect((await namesOf(restored)).map(({ type }) => type)).toEqual(['UserErasureRequested', 'UserErased']);
    await stop();

    // Of two stores, the log is the one that lost nothing.
    await inDatabase(
      original,
      'delete from accounts.erasures; delete from accounts.retired_usernames; alter table event_log.data_keys disable trigger all',
      `update accounts.users set email = 'c4nary@tasks.test', username = 'ann-c4nary', full_name = '', password_hash = '${account!.password_hash}',
         is_active = true, erased_at = null, log_revision = 0 where id = '${ann.id}'`,
      ...before.map(
        ({ id, wrapped }) =>
          `update event_log.data_keys set destroyed_for = null, wrapped = '\\x${wrapped.toString('hex')}' where id = '${id}'`,
      ),
    );
    await start(original, elsewhere);
    await untilErased(original);
    expect(found(['c4nary'], await everyTable(original))).toEqual([]);
    expect((await namesOf(original)).map(({ type }) => type)).toEqual(['UserErasureRequested', 'UserErased']);
    const alive = await inDatabase(
      original,
      `select subject from event_log.data_keys where wrapped <> '' and not starts_with(subject, 'task-')`,
    );
    expect(alive).toEqual([]);
    await untilRecorded(elsewhere, ann.id);
  } finally {
    await stop();
    await inDatabase(maintenance, `drop database ${pathname.slice(1)}_copy with (force)`);
  }
});
