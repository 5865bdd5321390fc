import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { kafkaIsThere, startKafka, type TestKafka } from '../support/kafka.ts';
import { type Listeners, listen, sharesToldTo } from '../support/listeners.ts';
import { randomBy } from '../support/random.ts';
import { actAtRandom, type People } from '../support/random-deeds.ts';
import { type Client, readLog, startTestService, type TestService } from '../support/service.ts';

jest.setTimeout(60_000);

let kafka: TestKafka | undefined;
let service: TestService;
let admin: Client;
let people: People;
let listeners: Listeners;

beforeAll(async () => {
  kafka = kafkaIsThere ? await startKafka() : undefined;
  service = await startTestService({ WEBHOOK_ALLOW_PRIVATE: 'true', ...(kafka && { KAFKA_BROKERS: kafka.broker }) });
  admin = await service.admin();
  const [owner, editor, viewer] = await Promise.all(['owner', 'editor', 'viewer'].map(service.someone));
  people = { owner: owner!, editor: editor!, viewer: viewer! };
  listeners = await listen(service.url, admin, kafka?.broker);
});
afterAll(async () => {
  await listeners?.stop();
  await service?.stop();
  await kafka?.stop();
});

describe('whatever entry point wrote it, each event is told', () => {
  test('once in the feed, in the live stream, by webhook and to Kafka, in order per task', async () => {
    await actAtRandom({ url: service.url, people, commands: 150, random: randomBy(3) });
    const events = await readLog(service.sameStores);
    expect(new Set(events.map(({ type }) => type)).size).toBeGreaterThanOrEqual(10);
    await listeners.expectExactly(events, 20_000);
    expect(listeners.repeats()).toEqual({ webhook: 0, kafka: 0 });
  });

  test('once to each person whom it concerns', async () => {
    const shares = (await readLog(service.sameStores)).filter(({ type }) => type === 'TaskShared').map(({ id }) => id);
    const told = await Promise.all([people.editor, people.viewer].map(sharesToldTo));
    expect(shares.length).toBeGreaterThan(0);
    expect(told.flat().sort()).toEqual(shares.sort());
  });

  test('and not again when every read model is made anew', async () => {
    const before = { webhook: listeners.webhook.received.length, kafka: listeners.kafka?.length, stream: listeners.stream.length };
    const { body } = await admin.get('/admin/projections');
    for (const { name } of body.items) expect((await admin.post(`/admin/projections/${name}/rebuild`)).status).toBe(202);
    for (const { name } of body.items) await rebuilt(name);
    await actAtRandom({ url: service.url, people, commands: 20, random: randomBy(5) });
    await listeners.expectExactly(await readLog(service.sameStores), 20_000);
    expect(listeners.repeats()).toEqual({ webhook: 0, kafka: 0 });
    expect(listeners.webhook.received.length).toBeGreaterThan(before.webhook);
  });
});

async function rebuilt(name: string): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; ) {
    const { body } = await admin.get(`/admin/projections/${name}`);
    if (body.state === 'live' && body.rebuild === null) return;
  }
  throw new Error(`${name} was not made anew in time`);
}
