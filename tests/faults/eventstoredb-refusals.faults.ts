import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, jest, test } from '@jest/globals';
import { startEventStored } from '../support/eventstored.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startSecureEventStored } from '../support/secure-eventstored.ts';
import { startTestService } from '../support/service.ts';
import { withEventStoreDb } from '../support/with-eventstoredb.ts';

jest.setTimeout(180_000);

// EventStoreDB answers, and refuses what another setting would let pass.
withEventStoreDb(() => {
  const opened: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });

  async function serviceOn(EVENTSTORE_URL: string) {
    const database = await createTestDatabase();
    opened.push(() => database.drop());
    const service = await startTestService({ DATABASE_URL: database.connectionString, EVENTSTORE_URL });
    opened.push(() => service.stop());
    return service;
  }

  const unavailable = { status: 503, body: { error: { code: 'DEPENDENCY_UNAVAILABLE', details: [{ part: 'eventstore' }] } } };

  test('an append above MaxAppendSize is a 503 that names the part, with the reason in the log, and others go on', async () => {
    const server = await startEventStored({ options: ['--max-append-size', '8192'] });
    opened.push(() => server.stop());
    const service = await serviceOn(server.url());
    const user = await service.someone('ann');
    const large = await user.post('/tasks', { title: 'Large', description: '😀'.repeat(4_900) });
    expect(large).toMatchObject(unavailable);
    expect(large.headers.get('retry-after')).not.toBeNull();
    expect(service.log.join('')).toMatch(/larger than EventStoreDB is set to take: raise MaxAppendSize/);
    expect((await user.post('/tasks', { title: 'Small' })).status).toBe(201);
    expect((await service.anonymous.send('GET', '/ready')).status).toBe(200);
  });

  test('a password that becomes wrong while the service runs makes single reads 503, with the reason in the log', async () => {
    const server = await startSecureEventStored();
    opened.push(() => server.stop());
    const service = await serviceOn(server.url);
    const user = await service.someone('ann');
    const { id } = (await user.post('/tasks', { title: 'Before' })).body;
    await server.changePassword();
    let reply = await user.get(`/tasks/${id}?revision=0`);
    for (let n = 0; reply.status === 200 && n < 100; n++) {
      await sleep(100);
      reply = await user.get(`/tasks/${id}?revision=0`);
    }
    expect(reply).toMatchObject(unavailable);
    expect(service.log.join('')).toMatch(/EventStoreDB refused to be read: the user or password in EVENTSTORE_URL is wrong/);
    expect([201, 503]).toContain((await user.post('/tasks', { title: 'After' })).status);
    const { body } = await service.anonymous.send('GET', '/health/detailed');
    expect([body.checks.eventstore.status, body.checks.postgres.status]).toEqual(['unhealthy', 'healthy']);
    await expect(serviceOn(server.url)).rejects.toThrow(/EventStoreDB refused .*user or password in EVENTSTORE_URL/);
  });

  test('a server with TLS that is contacted without it, and the reverse, is named in the log as what it may be', async () => {
    const secure = await startSecureEventStored();
    opened.push(() => secure.stop());
    const plain = await startEventStored();
    opened.push(() => plain.stop());
    for (const [url, hint] of [
      [`esdb://127.0.0.1:${secure.port}?tls=false`, 'EVENTSTORE_URL has tls=false: if the server expects TLS'],
      [`esdb://127.0.0.1:${plain.port}?tls=true`, 'EVENTSTORE_URL asks for TLS: if the server has none'],
    ] as const) {
      const { createEventStoreDb } = await import('../../src/events/store/eventstoredb/eventstoredb-event-store.ts');
      const lines: string[] = [];
      await expect(createEventStoreDb({ url, saveKeys: async () => {}, log: (line) => lines.push(line) })).rejects.toThrow('unavailable');
      expect(lines.join()).toContain(hint);
    }
  });
});
