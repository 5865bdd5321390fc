import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, createClient } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';

const TASKS = 1000;
const AT_ONCE = 64;

let directory: string;
let service: ServiceProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-killed-'));
});
afterEach(async () => {
  await service?.end('SIGTERM');
  await rm(directory, { recursive: true, force: true });
});

/** Sends a create for each number, some at once; what was acknowledged goes into the map. */
async function createAll(
  client: Client,
  numbers: readonly number[],
  acknowledged: Map<number, string>,
  onAcknowledged = () => {},
): Promise<void> {
  const left = [...numbers];
  const worker = async () => {
    for (let n = left.shift(); n !== undefined; n = left.shift()) {
      const reply = await client.post('/tasks', { title: `Task ${n}` }, { 'idempotency-key': `create-${n}` }).catch(() => null);
      if (reply?.status !== 201) continue;
      const before = acknowledged.get(n);
      if (before !== undefined) expect(reply.body.id).toBe(before);
      acknowledged.set(n, reply.body.id);
      onAcknowledged();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

describe('a service killed with SIGKILL under load', () => {
  test.each([100, 500, 900])('after %i of 1,000 acknowledged creations: each stands there once, and all in the end', async (killAfter) => {
    const environment = { DATA_DIR: directory, ADMIN_PASSWORD: 'Adm1nistrator', ADMIN_USERNAME: 'admin', ADMIN_EMAIL: 'admin@tasks.test' };
    service = await startServiceProcess(environment);
    const login = async () => {
      const reply = await createClient(service!.url).post('/auth/login', { username: 'admin', password: 'Adm1nistrator' });
      return createClient(service!.url, reply.body.access_token);
    };
    const numbers = Array.from({ length: TASKS }, (_, n) => n);
    const acknowledged = new Map<number, string>();
    let killed: Promise<unknown> | undefined;
    await createAll(await login(), numbers, acknowledged, () => {
      if (acknowledged.size === killAfter) killed = service!.end('SIGKILL');
    });
    await killed;
    expect(acknowledged.size).toBeGreaterThanOrEqual(killAfter);
    expect(acknowledged.size).toBeLessThan(TASKS);

    service = await startServiceProcess(environment);
    const client = await login();
    for (const [n, id] of acknowledged) expect((await client.get(`/tasks/${id}`)).body).toMatchObject({ title: `Task ${n}`, revision: 0 });
    await createAll(client, numbers, acknowledged);
    expect(acknowledged.size).toBe(TASKS);
    expect(new Set(acknowledged.values()).size).toBe(TASKS);
    const listed = await client.get('/tasks?limit=1');
    expect(listed.headers.get('tasktrail-stale')).toBeNull();
    expect(listed.body.total).toBe(TASKS);
    const titles = (await client.get('/tasks?format=ndjson')).text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).title);
    expect(new Set(titles)).toEqual(new Set(numbers.map((n) => `Task ${n}`)));
    expect(titles).toHaveLength(TASKS);
  });
});
