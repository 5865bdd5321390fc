import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/platform/postgres/embedded.ts';
import { type Client, createClient } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';

const SECONDS = Number(process.env.FAULT_SECONDS ?? 60);
const KILL_EVERY = 10_000;
const INSTANCES = 3;
const WORKERS = 12;

let directory: string;
let database: EmbeddedPostgres;
let instances: ServiceProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-instances-'));
  database = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), log: () => {} });
});
afterEach(async () => {
  await Promise.all(instances.map((instance) => instance.end('SIGTERM')));
  instances = [];
  await database.stop();
  await rm(directory, { recursive: true, force: true });
});

const start = () =>
  startServiceProcess({
    DATA_DIR: directory,
    DATABASE_URL: database.connectionString,
    SECRET_KEY: 'the secret of all three instances',
    MASTER_KEY: 'the master key of all three instances',
    SIGNING_KEY: 'the signing key of all three instances',
    ADMIN_USERNAME: 'admin',
    ADMIN_PASSWORD: 'Adm1nistrator',
    ADMIN_EMAIL: 'admin@tasks.test',
  });

/** What the clients know: the commands that were acknowledged for each task, by their revision. */
interface Known {
  id: string;
  revision: number;
  status: string;
}

test(`three instances under load, one killed every ten seconds for ${SECONDS} s: acknowledged is stored is listed`, async () => {
  instances = [await start()];
  instances.push(...(await Promise.all(Array.from({ length: INSTANCES - 1 }, start))));
  const reply = await createClient(instances[0]!.url).post('/auth/login', { username: 'admin', password: 'Adm1nistrator' });
  const token: string = reply.body.access_token;
  const anyone = (): Client => createClient(instances[Math.floor(Math.random() * INSTANCES)]!.url, token);

  const known: Known[] = [];
  const refusals = new Map<number, number>();
  let answered = 0;
  let cutOff = 0;
  let running = true;

  /** One command, sent with its key until it is acknowledged, to whichever instance. */
  const untilAcknowledged = async (send: (client: Client) => Promise<{ status: number; body: Record<string, unknown> }>) => {
    for (;;) {
      const answer = await send(anyone()).catch(() => null);
      if (answer && answer.status < 300) {
        answered++;
        return answer.body;
      }
      if (answer) refusals.set(answer.status, (refusals.get(answer.status) ?? 0) + 1);
      else cutOff++;
      await pause(20 + Math.random() * 80);
    }
  };
  const worker = async (name: number) => {
    for (let n = 0; running; n++) {
      const key = `${name}-${n}`;
      const created = await untilAcknowledged((client) =>
        client.post('/tasks', { title: `Task ${key}` }, { 'idempotency-key': `create-${key}` }),
      );
      const task: Known = { id: created.id as string, revision: 0, status: 'todo' };
      known.push(task);
      for (const target_status of ['in_progress', 'done']) {
        const moved = await untilAcknowledged((client) =>
          client.post(`/tasks/${task.id}/transition`, { target_status }, { 'idempotency-key': `${target_status}-${key}` }),
        );
        expect(moved.revision).toBe(task.revision + 1);
        task.revision = moved.revision as number;
        task.status = target_status;
      }
    }
  };
  const workers = Array.from({ length: WORKERS }, (_, name) => worker(name));

  let killed = 0;
  for (const end = Date.now() + SECONDS * 1000; Date.now() < end; ) {
    await pause(KILL_EVERY);
    const victim = killed++ % INSTANCES;
    await instances[victim]!.end('SIGKILL');
    instances[victim] = await start();
  }
  running = false;
  await Promise.all(workers);

  const client = anyone();
  let listed: Known[] = [];
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await pause(250)) {
    const list = await client.get('/tasks?format=ndjson');
    listed = list.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Known);
    if (listed.length === known.length && listed.every(({ status }) => status === 'done')) break;
  }
  const byId = new Map(listed.map((task) => [task.id, task]));
  for (const task of known) {
    expect(byId.get(task.id)).toMatchObject({ revision: task.revision, status: task.status });
  }
  expect(listed).toHaveLength(known.length);
  for (const { id, revision } of known.slice(0, 200)) expect((await client.get(`/tasks/${id}`)).body.revision).toBe(revision);
  expect((await client.get('/tasks/stats')).body).toMatchObject({ total: known.length, completed: known.length });
  console.log({ seconds: SECONDS, killed, acknowledged: answered, tasks: known.length, cutOff, refusals: Object.fromEntries(refusals) });
  expect(killed).toBeGreaterThanOrEqual(Math.floor(SECONDS / 15));
});
