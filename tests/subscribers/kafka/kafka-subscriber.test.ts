import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { kafkaIsThere, type Received, readTopic, startKafka, type TestKafka } from '../../support/kafka.ts';
import { type Client, startTestService, type TestService } from '../../support/service.ts';

const ifThere = kafkaIsThere ? describe : describe.skip;
if (!kafkaIsThere) console.log('Kafka: skipped, as kcat is not on the PATH');

async function until(isSo: () => boolean | Promise<boolean>, within = 15_000): Promise<void> {
  for (const deadline = Date.now() + within; Date.now() < deadline; await pause(20)) if (await isSo()) return;
  throw new Error('what was waited for did not come');
}

ifThere('what is published to Kafka', () => {
  let kafka: TestKafka;
  let service: TestService;
  let reader: Awaited<ReturnType<typeof readTopic>>;
  let ada: Client;
  let admin: Client;

  beforeAll(async () => {
    kafka = await startKafka();
    service = await startTestService({ KAFKA_BROKERS: kafka.broker });
    [ada, admin] = [await service.someone('ada'), await service.admin()];
    reader = await readTopic(kafka.broker, 'tasktrail.events');
  });
  afterAll(async () => {
    await reader?.stop();
    await service?.stop();
    await kafka?.stop();
  });

  const told = (key: string): Received[] => reader.messages.filter((message) => message.key === key);
  const health = async () => (await admin.send('GET', '/health/detailed')).body.checks.kafka;

  test('is every event, as the feed has it but for text beside titles, in binary mode and keyed by its stream', async () => {
    const { body: task } = await ada.post('/tasks', { title: 'To be published', description: 'All of it', tags: ['secret'] });
    await ada.post(`/tasks/${task.id}/transition`, { target_status: 'in_progress' });
    await ada.patch(`/tasks/${task.id}`, { title: 'Published' });
    const key = `task-${task.id}`;
    await until(() => told(key).length === 3);
    const feed = (await ada.get('/events')).body.events.filter(({ partitionkey }: { partitionkey: string }) => partitionkey === key);
    Object.assign(feed[0], { redacted: '/description,/tags' });
    Object.assign(feed[0].data, { description: null, tags: null });
    expect(told(key).map(({ headers, value }) => ({ headers, value }))).toEqual(
      feed.map(({ data, datacontenttype, ...attributes }: Record<string, unknown>) => ({
        headers: {
          ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, String(value)])),
          'content-type': 'application/json',
        },
        value: data,
      })),
    );
    expect(told(key).map(({ value }) => value.task)).toEqual([
      { id: task.id, title: 'To be published', status: 'todo' },
      { id: task.id, title: 'To be published', status: 'in_progress' },
      { id: task.id, title: 'Published', status: 'in_progress' },
    ]);
    expect(new Set(told(key).map(({ partition }) => partition)).size).toBe(1);
  });

  test('has nobody’s name, address or words in it', async () => {
    const bob = await service.someone('bob');
    const { body: task } = await ada.post('/tasks', { title: 'A task' });
    await ada.post(`/tasks/${task.id}/share`, { username: 'bob', permission: 'edit' });
    await bob.post(`/tasks/${task.id}/comments`, { content: 'Secret words of bob' });
    await bob.post(`/tasks/${task.id}/transition`, { target_status: 'in_progress', comment: 'Because bob says so' });
    const file = new FormData();
    file.append('file', new Blob(['x'], { type: 'text/plain' }), 'letter of bob.txt');
    const authorization = `Bearer ${bob.token}`;
    const sent = await fetch(`${service.url}/api/v1/tasks/${task.id}/files`, { method: 'POST', body: file, headers: { authorization } });
    expect(sent.status).toBe(201);
    await until(() => told(`task-${task.id}`).length === 5);
    await until(() => told(`user-${bob.id}`).length > 0);
    expect(told(`task-${task.id}`).map(({ headers }) => headers.ce_type)).toContain('tasktrail.comment.added.v1');
    const [comment] = told(`task-${task.id}`).filter(({ headers }) => headers.ce_type === 'tasktrail.comment.added.v1');
    expect(comment).toMatchObject({ headers: { ce_redacted: '/content' }, value: { content: null } });
    const text = JSON.stringify(reader.messages);
    for (const word of ['Secret words', 'Because bob', 'letter of bob', 'bob@tasks.test', 'bob Example', '"bob"'])
      expect([word, text.includes(word)]).toEqual([word, false]);
  });

  test('is not published again when every read model is made anew', async () => {
    await until(async () => (await health()).lag_events === 0);
    const before = reader.messages.length;
    const names: string[] = (await admin.get('/admin/projections')).body.items.map(({ name }: { name: string }) => name);
    for (const name of names) expect((await admin.post(`/admin/projections/${name}/rebuild`)).status).toBe(202);
    const states = async () => (await admin.get('/admin/projections')).body.items.map(({ rebuild }: { rebuild: unknown }) => rebuild);
    await until(async () => (await states()).every((rebuild: unknown) => rebuild === null));
    const { body: task } = await ada.post('/tasks', { title: 'After it' });
    await until(() => told(`task-${task.id}`).length === 1);
    expect(told(`task-${task.id}`)[0]!.value.task).toEqual({ id: task.id, title: 'After it', status: 'todo' });
    expect(reader.messages.length).toBe(before + 1);
  });

  test('is as the AsyncAPI document says', async () => {
    const { channels, components } = (await admin.send('GET', '/asyncapi.json')).body;
    expect(channels.topic.address).toBe('tasktrail.events');
    const types = Object.entries<{ name: string }>(components.messages).filter(([name]) => name.endsWith('OnTopic'));
    const headers = new Set(Object.keys(components.schemas.TopicHeaders.properties));
    for (const message of reader.messages) {
      expect(types.map(([, { name }]) => name)).toContain(message.headers.ce_type);
      for (const header of Object.keys(message.headers)) if (header !== 'content-type') expect(headers).toContain(header);
    }
  });

  test('is said to be so in the health and the metrics', async () => {
    await until(async () => (await health()).lag_events === 0);
    expect(await health()).toMatchObject({ status: 'healthy', state: 'live', lag_events: 0, lag_seconds: 0, dead_letters: 0, error: null });
    const metrics = (await admin.send('GET', '/metrics')).text;
    expect(metrics).toContain('tasktrail_subscriber_lag_events{subscriber="kafka"} 0');
    expect(metrics).toContain('tasktrail_subscriber_dead_letters{subscriber="kafka"} 0');
    expect(metrics).toMatch(/tasktrail_subscriber_state\{subscriber="kafka",state="live"\} 1/);
  });
});
