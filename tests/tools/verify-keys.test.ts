import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { createKeysCheck } from '../../src/events/integrity/check-keys.ts';
import type { StoredEvent } from '../../src/events/store/event-store.ts';
import { type Client, keys, readLog, startTestService, type TestService } from '../support/service.ts';
import { dataDirectory, runTool } from './run-tool.ts';

jest.setTimeout(60_000);

const directory = dataDirectory();
let service: TestService;
let pool: pg.Pool;
let log: StoredEvent[];
let ann: Client;
let [kept, commented, erased] = ['', '', ''];

const environment = () => ({ DATA_DIR: directory.path, ...service.sameStores });

/** Two tasks of ann, one with her comment, and one of a person who is erased with it. */
beforeAll(async () => {
  service = await startTestService();
  pool = new pg.Pool({ connectionString: service.connectionString, max: 1 });
  ann = await service.someone('ann');
  const eve = await service.someone('eve');
  const aTask = async (who: Client) => (await who.post('/tasks', { title: 'A title' })).body.id as string;
  [kept, commented, erased] = [await aTask(ann), await aTask(ann), await aTask(eve)];
  await ann.post(`/tasks/${commented}/comments`, { content: 'A comment' });
  await eve.post('/auth/me/erase', { password: 'Passw0rd-of-mine' });
  const isDone = async () => (await pool.query('select from accounts.erasures where done_at is null')).rowCount === 0;
  while (!(await isDone())) await pause(20);
  log = await readLog(service.sameStores);
  await pool.query('create table event_log.kept_keys as table event_log.data_keys');
});
afterAll(async () => {
  await pool?.end();
  await service?.stop();
  await directory.remove();
});
beforeEach(() => pool.query('truncate event_log.data_keys; insert into event_log.data_keys table event_log.kept_keys'));

async function faults(): Promise<string[]> {
  const store = { readStream: async (stream: string) => log.filter((event) => event.stream === stream).reverse() };
  const check = createKeysCheck({ pool, keys: { master: keys.MASTER_KEY! }, store });
  return [...(await check.add(log)), ...(await check.finish())];
}

describe('the keys of a log', () => {
  test('are all there, but for those whose absence an erasure explains', async () => {
    const { rows } = await pool.query(`select subject from event_log.data_keys where wrapped = '' order by subject`);
    expect(rows.map(({ subject }) => subject)).toContain(`task-${erased}`);
    expect(await faults()).toEqual([]);
  });

  test.each([
    ['emptied', `update event_log.data_keys set wrapped = '' where subject = $1`],
    [
      'emptied as for a person who is erased',
      `update event_log.data_keys set wrapped = '', destroyed_for = gen_random_uuid() where subject = $1`,
    ],
    ['deleted', 'delete from event_log.data_keys where subject = $1'],
  ])('are missed where one was %s', async (_, statement) => {
    for (const subject of [`task-${kept}`, `user-${ann.id}`]) {
      await pool.query(statement, [subject]);
      expect(await faults()).toEqual([
        expect.stringMatching(new RegExp(`the data key [-0-9a-f]+ of ${subject} is missing, and no erasure`)),
      ]);
      await pool.query('truncate event_log.data_keys; insert into event_log.data_keys table event_log.kept_keys');
    }
  });

  test('do not open where two were swapped', async () => {
    await pool.query(
      `update event_log.data_keys one set wrapped = other.wrapped from event_log.kept_keys other
       where one.subject = any($1) and other.subject = any($1) and one.subject <> other.subject`,
      [[`task-${kept}`, `task-${commented}`]],
    );
    expect((await faults()).sort()).toEqual(
      [kept, commented].map(() => expect.stringMatching(/the data key [-0-9a-f]+ of task-[-0-9a-f]+ does not open/)),
    );
  });

  test('are named where one is back from an earlier copy although it was destroyed', async () => {
    await pool.query(
      `update event_log.data_keys set destroyed_for = null, wrapped = (select wrapped from event_log.kept_keys where subject = $2) where subject = $1`,
      [`task-${erased}`, `task-${kept}`],
    );
    expect(await faults()).toContainEqual(expect.stringContaining(`of task-${erased} is there, although the log tells of its erasure`));
  });
});

test('npm run verify ends with 1 and names stream and key; without the look-up of erasures it notices nothing', async () => {
  expect(await runTool('verify', ['--without-heads'], environment())).toMatchObject({ code: 0 });
  await pool.query(`update event_log.data_keys set wrapped = '' where subject = $1`, [`task-${kept}`]);
  const found = await runTool('verify', ['--without-heads'], environment());
  expect(found).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`of task-${kept} is missing, and no erasure in the log explains it`),
  });
  await writeFile(join(directory.path, 'without'), 'only an erasure explains a missing key');
  const script = join(import.meta.dirname, '..', 'support', 'weakened-service.ts');
  const env = { PATH: process.env.PATH, ENVIRONMENT: 'test', ...keys, ...environment(), WEAKENED: 'tools/verify.ts' };
  const child = spawn(process.execPath, [script, '--without-heads'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [[code], stdout] = await Promise.all([once(child, 'exit'), text(child.stdout)]);
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('so are their keys') });
});

test('npm run verify wants signed heads, or to hear that none are wanted', async () => {
  await pool.query('delete from event_log.records');
  const found = await runTool('verify', [], environment());
  expect(found).toMatchObject({ code: 1, stderr: expect.stringContaining('has no signed heads') });
});
