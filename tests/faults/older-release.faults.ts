import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { createTestDatabase } from '../support/postgres.ts';
import { adminAccount, type Client, createClient, keys, readLog } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { dataDirectory } from '../tools/run-tool.ts';

jest.setTimeout(180_000);

const support = join(import.meta.dirname, '..', 'support');
const current = join(support, 'weakened-service.ts');
const previous = join(support, 'previous-release.ts');

let directory: ReturnType<typeof dataDirectory>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
const instances: ServiceProcess[] = [];

beforeAll(async () => {
  directory = dataDirectory();
  database = await createTestDatabase();
  await without();
});
afterEach(() => Promise.all(instances.splice(0).map((instance) => instance.end('SIGKILL'))));
afterAll(async () => {
  await database.drop();
  await directory.remove();
});

const without = (...names: string[]) => writeFile(join(directory.path, 'without'), names.join('\n'));

async function start(entry: string): Promise<ServiceProcess> {
  const { email, username, password } = adminAccount;
  const admin = { ADMIN_EMAIL: email, ADMIN_USERNAME: username, ADMIN_PASSWORD: password };
  const environment = { DATA_DIR: directory.path, DATABASE_URL: database.connectionString, ...(keys as Record<string, string>), ...admin };
  const instance = await startServiceProcess(environment, entry);
  instances.push(instance);
  for (const deadline = Date.now() + 60_000; (await fetch(`${instance.url}/ready`)).status !== 200; await pause(50))
    if (Date.now() > deadline) throw new Error('the instance does not become ready');
  return instance;
}

async function stop(instance: ServiceProcess): Promise<void> {
  instances.splice(instances.indexOf(instance), 1);
  expect(await instance.end('SIGTERM')).toBe(0);
}

const signIn = async ({ url }: ServiceProcess): Promise<Client> => {
  const { username, password } = adminAccount;
  return createClient(url, (await createClient(url).post('/auth/login', { username, password })).body.access_token);
};

async function stoppedProjections(client: Client): Promise<string[]> {
  const { body } = await client.get('/admin/projections');
  return body.items.filter(({ state }: { state: string }) => state === 'stopped').map(({ name }: { name: string }) => name);
}

/** Creates a task with a tag by one instance, and waits until another lists it. @returns whether the other did, and how it was stored */
async function tagged(writer: Client, reader: Client, tag: string): Promise<{ listed: boolean; version: number; inClear: boolean }> {
  const created = await writer.post('/tasks', { title: `Tagged ${tag}`, tags: [tag] });
  expect(created.status).toBe(201);
  const { body } = await reader.get(`/tasks?tags=${tag}`, { 'tasktrail-position': created.headers.get('tasktrail-position')! });
  const log = await readLog({ DATABASE_URL: database.connectionString });
  const event = log.find(({ stream }) => stream === `task-${created.body.id}`)!;
  return {
    listed: body.items.length === 1,
    version: JSON.parse(event.metadata.toString()).schema_version,
    inClear: event.data.toString().includes(tag),
  };
}

/** An editor who assigns themselves needs an event that the older release does not know. */
async function requireRefused(old: ServiceProcess, next: ServiceProcess, admin: Client): Promise<void> {
  const account = { email: 'editor@tasks.test', username: 'editor', password: 'Passw0rd-of-mine' };
  const { body } = await createClient(old.url).post('/auth/register', account);
  const task = (await admin.post('/tasks', { title: 'Shared' })).body;
  await admin.post(`/tasks/${task.id}/share`, { user_id: body.user.id, permission: 'edit' });
  const editor = createClient(next.url, body.access_token);
  const refused = await editor.post(`/tasks/${task.id}/assign`, { assignee_id: body.user.id });
  expect([refused.status, refused.body.error.details, refused.headers.get('retry-after')]).toEqual([
    503,
    [{ part: 'older_instance' }],
    '5',
  ]);
  expect((await editor.patch(`/tasks/${task.id}`, { title: 'Edited', tags: ['other'] })).status).toBe(200);
}

test('beside an instance of the release before nothing is written that stops its read models; afterwards it does not start again', async () => {
  const old = await start(previous);
  const oldAdmin = await signIn(old);
  expect(await tagged(oldAdmin, oldAdmin, 'first')).toEqual({ listed: true, version: 1, inClear: true });

  const next = await start(current);
  const admin = createClient(next.url, oldAdmin.token);
  expect(await tagged(admin, oldAdmin, 'beside')).toEqual({ listed: true, version: 1, inClear: true });
  expect(await tagged(oldAdmin, admin, 'back')).toEqual({ listed: true, version: 1, inClear: true });
  await requireRefused(old, next, admin);
  expect(await stoppedProjections(oldAdmin)).toEqual([]);

  // Without the gate the older instance stops at the first tag.
  await without('older instances are looked for');
  await pause(1_100);
  expect(await tagged(admin, admin, 'unguarded')).toEqual({ listed: true, version: 2, inClear: false });
  for (const deadline = Date.now() + 10_000; (await stoppedProjections(oldAdmin)).length === 0; await pause(50))
    expect(Date.now()).toBeLessThan(deadline);
  await without();

  await stop(old);
  await pause(1_100);
  expect(await tagged(admin, admin, 'alone')).toEqual({ listed: true, version: 2, inClear: false });
  expect(await stoppedProjections(admin)).toEqual([]);

  await expect(start(previous)).rejects.toThrow('vocabulary 2, and this release reads vocabularies up to 1');
  await without('logs of a newer vocabulary are refused');
  const again = await startServiceProcess(
    { DATA_DIR: directory.path, DATABASE_URL: database.connectionString, ...(keys as Record<string, string>) },
    previous,
  );
  instances.push(again);
});
