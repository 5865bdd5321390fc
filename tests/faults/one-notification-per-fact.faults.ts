import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { kafkaIsThere, startKafka, type TestKafka } from '../support/kafka.ts';
import { type Listeners, listen, sharesToldTo } from '../support/listeners.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { randomBy } from '../support/random.ts';
import { actAtRandom } from '../support/random-deeds.ts';
import { adminAccount, type Client, createClient, keys, readLog } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { runTool } from '../tools/run-tool.ts';

const COMMANDS = Number(process.env.FAULT_COMMANDS ?? 1_500);
const KILLS = Number(process.env.FAULT_KILLS ?? 8);

let directory: string;
let database: TestDatabase;
let kafka: TestKafka | undefined;
let service: ServiceProcess | undefined;
let listeners: Listeners | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-law-'));
  database = await createTestDatabase();
  kafka = kafkaIsThere ? await startKafka() : undefined;
});
afterEach(async () => {
  await listeners?.stop();
  await service?.end('SIGTERM');
  await kafka?.stop();
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

test('each event is told on every way, by id and in order per task, however often the service is killed meanwhile', async () => {
  const port = await freePort();
  const environment = {
    ...keys,
    DATA_DIR: directory,
    DATABASE_URL: database.connectionString,
    PORT: String(port),
    ADMIN_EMAIL: adminAccount.email,
    ADMIN_USERNAME: adminAccount.username,
    ADMIN_PASSWORD: adminAccount.password,
    WEBHOOK_ALLOW_PRIVATE: 'true',
    ...(kafka && { KAFKA_BROKERS: kafka.broker }),
  };
  const start = async () => {
    service = await startServiceProcess(environment);
  };
  await start();
  const { url } = service!;
  const admin = await signIn(url, '/auth/login', { username: adminAccount.username, password: adminAccount.password });
  const someone = (name: string) =>
    signIn(url, '/auth/register', { email: `${name}@tasks.test`, username: name, password: 'Passw0rd-of-mine' });
  const [owner, editor, viewer] = await Promise.all(['owner', 'editor', 'viewer'].map(someone));
  listeners = await listen(url, admin, kafka?.broker);
  const random = randomBy(Number(process.env.FAULT_SEED ?? 17));
  let answered = 0;
  let kills = 0;
  let acting = true;
  const killing = (async () => {
    for (; acting && kills < KILLS; kills++) {
      const until = Math.ceil((COMMANDS / (KILLS + 1)) * (kills + 0.5 + random()));
      while (acting && answered < until) await pause(5);
      if (!acting) return;
      await service!.end('SIGKILL');
      await start();
    }
  })();
  const people = { owner: owner!, editor: editor!, viewer: viewer! };
  const { statuses, tasks, answered: told } = await actAtRandom({ url, people, commands: COMMANDS, random: randomBy(3) }, () => answered++);
  acting = false;
  await killing;
  expect(kills).toBeGreaterThan(KILLS / 2);

  // The demo is written beside the service, and told by it when it is back.
  await service!.end('SIGTERM');
  const seeded = await runTool('seed', [], { DATA_DIR: directory, DATABASE_URL: database.connectionString });
  expect(seeded).toMatchObject({ code: 0 });
  await start();

  const events = await readLog(environment);
  await listeners.expectExactly(events, 120_000);
  // Who tells beside the write, as a command is answered, has not told of these: bulk calls, undone runs, the first of two events …
  const ofTheRun = events.filter(({ stream }) => tasks.includes(stream.slice(5)));
  const untold = ofTheRun.filter(({ stream, revision }) => !told.has(`${stream.slice(5)}/${revision}`));
  expect(untold.length).toBeGreaterThan(0);
  const shares = events.filter(({ type }) => type === 'TaskShared').map(({ id }) => id);
  const inboxes = await Promise.all([editor!, viewer!].map((person) => sharesToldTo(createClient(url, person.token))));
  expect(new Set(inboxes.flat()).size).toBe(inboxes.flat().length);
  expect(shares).toEqual(expect.arrayContaining(inboxes.flat()));
  console.log({
    events: events.length,
    kills,
    untoldBesideTheWrite: `${untold.length} of ${ofTheRun.length}`,
    statuses: Object.fromEntries(statuses),
    repeats: listeners.repeats(),
    kafka: Boolean(kafka),
  });
}, 600_000);

async function signIn(url: string, path: string, body: unknown): Promise<Client> {
  const reply = await createClient(url).post(path, body);
  expect(reply.status).toBeLessThan(300);
  return { ...createClient(url, reply.body.access_token), id: reply.body.user.id, username: reply.body.user.username };
}
