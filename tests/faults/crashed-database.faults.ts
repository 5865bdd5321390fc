import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { attachEmbeddedPostgres } from '../../src/platform/postgres/attach-embedded.ts';
import { type Client, createClient, type Reply } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';

jest.setTimeout(400_000);

const entry = join(import.meta.dirname, '..', 'support', 'weakened-service.ts');
let directory: string;
let service: ServiceProcess;
let client: Client;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-crashed-'));
  await without();
  const admin = { ADMIN_PASSWORD: 'Adm1nistrator', ADMIN_USERNAME: 'admin', ADMIN_EMAIL: 'admin@tasks.test' };
  service = await startServiceProcess({ DATA_DIR: directory, ...admin }, entry);
  const reply = await createClient(service.url).post('/auth/login', { username: 'admin', password: 'Adm1nistrator' });
  client = createClient(service.url, reply.body.access_token);
});
afterEach(async () => {
  await service.end('SIGTERM');
  await rm(directory, { recursive: true, force: true });
});

const without = (...names: string[]) => writeFile(join(directory, 'without'), names.join('\n'));

/** Kills a process of the embedded server, which ends all others with it and begins again from its disk. */
async function crashDatabase(): Promise<void> {
  const connectionString = (await attachEmbeddedPostgres(join(directory, 'postgres')))!;
  const own = new pg.Client({ connectionString });
  own.on('error', () => {});
  await own.connect();
  const { rows } = await own.query('select pg_backend_pid() as pid');
  process.kill(rows[0].pid, 'SIGKILL');
  await own.end().catch(() => {});
}

/** Lists tasks that were listed before a crash, as soon as lists are answered again. @returns how many were neither there nor missed with a word */
async function crashes(times: number): Promise<number> {
  let unmarked = 0;
  for (let n = 0; n < times; n++) {
    const { id } = await created(`Task ${n}`);
    // The projector may still be waiting to try again after the last crash.
    await until(async () => (await client.get('/tasks?limit=1')).body.items[0].id === id);
    await crashDatabase();
    for (const end = Date.now() + 1_500; Date.now() < end; await pause(5)) {
      const listed: Reply | null = await client.get('/tasks?limit=1').catch(() => null);
      if (listed?.status !== 200) continue;
      const isThere = listed.body.items[0]?.id === id;
      if (!isThere && listed.headers.get('tasktrail-stale') === null) unmarked++;
      if (isThere) break;
    }
    await until(async () => (await client.get('/tasks?limit=1')).body.items[0].id === id);
  }
  return unmarked;
}

/** A new task, as soon as the service takes one again. */
async function created(title: string): Promise<{ id: string }> {
  let task: { id: string } | undefined;
  await until(async () => {
    const { status, body } = await client.post('/tasks', { title });
    if (status === 201) task = body;
    return status === 201;
  });
  return task!;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 40_000; Date.now() < end; await pause(25)) if (await isSo().catch(() => false)) return;
  throw new Error('what was waited for did not come');
}

test('after a crash of PostgreSQL no list lacks what was shown before without saying that it is stale', async () => {
  expect(await crashes(8)).toBe(0);
});

test('without forgetting what was known, lists go back unmarked', async () => {
  await without('what is known is forgotten with the connection');
  expect(await crashes(8)).toBeGreaterThan(0);
});
