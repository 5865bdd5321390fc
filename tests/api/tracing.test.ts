import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openTracing } from '../../src/platform/open-tracing.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';

let collector: TraceCollector;
let service: TestService;
let ann: Client;
beforeAll(async () => {
  collector = await startTraceCollector();
  service = await startTestService({ OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` });
  ann = await service.someone('ann');
});
afterAll(async () => {
  await service?.stop();
  await collector?.close();
});

const named = (name: string, traceId: string) => collector.until((span) => span.name === name && span.traceId === traceId);
const operationOf = (reply: { headers: Headers }) => reply.headers.get('Tasktrail-Operation')!;

describe('a command', () => {
  test('is one trace, from the request to what the read models made of it, with the id of its operation', async () => {
    const reply = await ann.post('/tasks', { title: 'canary-title', description: 'canary-description' }, { 'X-Request-ID': 'mine' });
    const traceId = operationOf(reply).replaceAll('-', '');
    const request = await named('POST /api/v1/tasks', traceId);
    const command = await named('command', traceId);
    const append = await named('append', traceId);
    expect(request).toMatchObject({
      kind: 2,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/api/v1/tasks',
        'http.response.status_code': 201,
        'tasktrail.operation_id': operationOf(reply),
        'tasktrail.request_id': 'mine',
        'user.id': ann.id,
      },
    });
    expect(request.parentSpanId ?? '').toBe('');
    expect(command).toMatchObject({ parentSpanId: request.spanId, attributes: { 'tasktrail.task_id': reply.body.id } });
    expect(append).toMatchObject({
      parentSpanId: command.spanId,
      attributes: { 'tasktrail.events': ['TaskCreated'], 'tasktrail.position': reply.headers.get('Tasktrail-Position') },
    });
    for (const model of ['listing', 'activity']) {
      const projected = await named(`project ${model}`, traceId);
      expect(projected).toMatchObject({ parentSpanId: request.spanId, attributes: { 'tasktrail.events': ['TaskCreated'] } });
      expect(BigInt(projected.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(append.startTimeUnixNano));
    }
  });

  test('continues the trace of whoever asked for it', async () => {
    const [traceId, caller] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
    const reply = await ann.post('/tasks', { title: 'Feed the cat' }, { traceparent: `00-${traceId}-${caller}-01` });
    const request = await named('POST /api/v1/tasks', traceId);
    expect(request.parentSpanId).toBe(caller);
    expect(request.links).toMatchObject([{ traceId: operationOf(reply).replaceAll('-', '') }]);
    expect((await named('append', traceId)).parentSpanId).toBe((await named('command', traceId)).spanId);
    expect((await named('project listing', traceId)).parentSpanId).toBe(request.spanId);
  });

  test('is not traced for a caller that does not want it, and a traceparent that is none is ignored', async () => {
    const unwanted = '5bf92f3577b34da6a3ce929d0e0e4736';
    await ann.post('/tasks', { title: 'Unseen' }, { traceparent: `00-${unwanted}-00f067aa0ba902b7-00` });
    const reply = await ann.post('/tasks', { title: 'Seen' }, { traceparent: 'nonsense' });
    await named('project activity', operationOf(reply).replaceAll('-', ''));
    expect(collector.spans.filter(({ traceId }) => traceId === unwanted)).toEqual([]);
  });

  test('of an account is joined with its event, which is appended after the answer', async () => {
    const reply = await service.anonymous.post('/auth/register', { email: 'bob@tasks.test', password: 'Canary-passw0rd' });
    const traceId = operationOf(reply).replaceAll('-', '');
    const request = await named('POST /api/v1/auth/register', traceId);
    expect(await named('append', traceId)).toMatchObject({
      parentSpanId: request.spanId,
      attributes: { 'tasktrail.events': ['UserRegistered'] },
    });
  });
});

describe('what is sent', () => {
  test('says whose it is, names what is refused by its route, and holds no text, token or address of anybody', async () => {
    await ann.get('/tasks/canary-id?search=canary-search');
    await service.anonymous.send('GET', '/canary-path');
    await collector.until(({ name }) => name === 'GET');
    expect(collector.resources[0]).toMatchObject({ 'service.name': 'tasktrail', 'service.version': expect.any(String) });
    const sent = collector.sent.join();
    expect(sent).toContain('/api/v1/tasks/{task_id}');
    expect(sent).not.toMatch(/canary/i);
    expect(sent).not.toContain(ann.token.slice(0, 20));
    expect(sent).not.toContain('@tasks.test');
  });
});

describe('joining by the operation alone', () => {
  test('works in a process that never saw the operation', async () => {
    const operationId = '7d444840-9dc0-41d1-b245-5ffdce74fad2';
    const [one, other] = await Promise.all(
      [1, 2].map(() => openTracing({ endpoint: collector.url, serviceName: 'other', serviceVersion: '1', log() {} })),
    );
    await one!.operation({ id: operationId, traceparent: undefined, tracestate: undefined }, 'asked', async () => {});
    const from = Date.now();
    other!.followed({ name: 'followed elsewhere', operationId, from, to: from + 5, attributes: {} });
    await Promise.all([one!.close(), other!.close()]);
    const asked = await collector.until(({ name }) => name === 'asked');
    const followed = await collector.until(({ name }) => name === 'followed elsewhere');
    expect(followed).toMatchObject({ traceId: asked.traceId, parentSpanId: asked.spanId });
    expect(asked.traceId).toBe(operationId.replaceAll('-', ''));
  });
});

describe('a collector that goes away', () => {
  test('harms nobody: requests are answered, one line of log tells of it, and the service stops in time', async () => {
    await collector.close();
    const told = () => service.log.filter((line) => line.includes('collector of traces'));
    expect((await ann.post('/tasks', { title: 'All the same' })).status).toBe(201);
    for (const deadline = Date.now() + 10_000; told().length === 0 && Date.now() < deadline; )
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await ann.post('/tasks', { title: 'And again' })).status).toBe(201);
    const since = Date.now();
    await service.stop();
    expect(Date.now() - since).toBeLessThan(6_000);
    expect(told()).toHaveLength(1);
  });
});
