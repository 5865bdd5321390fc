import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BEGINNING } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { kafkaIsThere, type Received, readTopic, startKafka, type TestKafka } from '../support/kafka.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Client, createClient, keys } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { dataDirectory } from '../tools/run-tool.ts';

const ifThere = kafkaIsThere ? describe : describe.skip;
if (!kafkaIsThere) console.log('Kafka: skipped, as kcat is not on the PATH');

async function until(isSo: () => boolean | Promise<boolean>, within = 60_000): Promise<void> {
  for (const deadline = Date.now() + within; Date.now() < deadline; await pause(50)) if (await isSo()) return;
  throw new Error('what was waited for did not come');
}

ifThere('publishing to Kafka', () => {
  let directory: ReturnType<typeof dataDirectory>;
  let kafka: TestKafka;
  let database: TestDatabase;
  const services: ServiceProcess[] = [];

  beforeEach(async () => {
    directory = dataDirectory();
    [kafka, database] = await Promise.all([startKafka(), createTestDatabase()]);
  });
  afterEach(async () => {
    for (const service of services.splice(0)) await service.end('SIGKILL');
    await kafka.stop();
    await database.drop();
    await directory.remove();
  });

  async function start(): Promise<ServiceProcess> {
    const environment = { DATA_DIR: directory.path, DATABASE_URL: database.connectionString, KAFKA_BROKERS: kafka.broker };
    const service = await startServiceProcess({ ...keys, ENVIRONMENT: 'test', ...environment });
    services.push(service);
    return service;
  }

  async function signUp(service: ServiceProcess): Promise<Client> {
    const body = { email: 'ada@tasks.test', username: 'ada', password: 'Passw0rd-of-mine', full_name: 'Ada' };
    return createClient(service.url, (await createClient(service.url).post('/auth/register', body)).body.access_token);
  }

  const kafkaHealth = async ({ url }: ServiceProcess) => (await createClient(url).send('GET', '/health/detailed')).body.checks.kafka;

  async function expectAllPublished(messages: readonly Received[]): Promise<string> {
    const store = await createPostgresEventStore({ connectionString: database.connectionString, log: () => {} });
    const events = await store.readAll({ after: BEGINNING, limit: 100_000 }).finally(() => store.close());
    const ids = () => new Set(messages.map(({ headers }) => headers.ce_id));
    await until(() => ids().size >= events.length);
    expect(ids()).toEqual(new Set(events.map(({ id }) => id)));
    const last = new Map<string, number>();
    const seen = new Set<string>();
    for (const { key, headers } of messages) {
      // What comes again is dropped by its id.
      if (seen.has(headers.ce_id!)) continue;
      seen.add(headers.ce_id!);
      expect([key, Number(headers.ce_revision)]).toEqual([key, (last.get(key) ?? -1) + 1]);
      last.set(key, Number(headers.ce_revision));
    }
    return `${events.length} events, ${messages.length - events.length} of them again`;
  }

  test('goes on when the broker is back, in order and with nothing lost; meanwhile everything else does', async () => {
    const service = await start();
    const ada = await signUp(service);
    const { body: task } = await ada.post('/tasks', { title: '0' });
    const reader = await readTopic(kafka.broker, 'tasktrail.events');
    await until(() => reader.messages.length >= 3);
    kafka.freeze();
    for (let n = 1; n <= 50; n++) expect((await ada.patch(`/tasks/${task.id}`, { title: `${n}` })).status).toBe(200);
    expect((await ada.get(`/tasks?search=50`)).body.items).toHaveLength(1);
    await until(async () => (await kafkaHealth(service)).state === 'unreachable');
    expect(await kafkaHealth(service)).toMatchObject({ status: 'degraded', error: expect.stringContaining(kafka.broker) });
    expect((await kafkaHealth(service)).lag_events).toBeGreaterThan(0);
    expect((await createClient(service.url).send('GET', '/health/detailed')).status).toBe(200);
    kafka.thaw();
    await until(async () => (await kafkaHealth(service)).lag_events === 0);
    console.log(await expectAllPublished(reader.messages));
    expect(await kafkaHealth(service)).toMatchObject({ state: 'live', dead_letters: 0 });
    const complaints = service.log.filter(
      ({ level, logger }) => /warn|error/.test(String(level)) && /kafka|subscribers/.test(String(logger)),
    );
    expect(complaints.map(({ message }) => message)).toEqual(['kafka waits for its brokers, and tries again']);
    await reader.stop();
  });

  test('loses nothing and keeps the order when the service is killed at random, and another instance takes over', async () => {
    let [service, other] = [await start(), await start()];
    let ada = await signUp(service);
    const tasks = await Promise.all(Array.from({ length: 5 }, async (_, n) => (await ada.post('/tasks', { title: `${n}` })).body.id));
    const reader = await readTopic(kafka.broker, 'tasktrail.events');
    let written = 0;
    let isOver = false;
    const writing = (async () => {
      for (let n = 0; !isOver; n++) {
        const replies = tasks.map((id) => ada.patch(`/tasks/${id}`, { title: `${n}` }).catch(() => ({ status: 0 })));
        for (const { status } of await Promise.all(replies)) if (status === 200) written++;
      }
    })();
    for (let round = 0; round < 4; round++) {
      const before = written;
      await until(() => written >= before + 100);
      const killed = service;
      [service, other] = [other, service];
      ada = createClient(service.url, ada.token);
      // It is the active one just now, or is not.
      await pause(Math.random() * 500);
      await killed.end('SIGKILL');
      other = await start();
    }
    isOver = true;
    await writing;
    expect(written).toBeGreaterThanOrEqual(400);
    await until(async () => (await kafkaHealth(service)).lag_events === 0);
    console.log(await expectAllPublished(reader.messages));
    await reader.stop();
  }, 300_000);
});
