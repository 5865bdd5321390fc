import { afterEach, describe, expect, test } from '@jest/globals';
import type { Check } from '../../../src/api/health.ts';
import { requestMetrics } from '../../../src/api/request-metrics.ts';
import { type OpsServices, opsRoutes } from '../../../src/api/routes/ops.ts';
import { workflowRoutes } from '../../../src/api/routes/workflow.ts';
import { createMetrics } from '../../../src/platform/metrics.ts';
import { type Serving, serving } from '../framework/serving.ts';

const healthy: Check = () => ({ status: 'healthy' });
const unhealthy: Check = () => ({ status: 'unhealthy' });
const vital = { eventstore: healthy, postgres: healthy, projector: healthy };
const about = { name: 'tasktrail', version: '1.2.3', commit: null, environment: 'test', started_at: '2026-01-31T12:00:00.000Z' };

let served: Serving;
afterEach(() => served.stop());

async function operating(services: Partial<OpsServices> = {}): Promise<void> {
  const metrics = createMetrics();
  const counted = requestMetrics(metrics);
  const readiness = () => ({ ready: true, reason: null });
  const routes = opsRoutes({ checks: vital, readiness, about, metrics, requestMetrics: counted, ...services });
  served = await serving([...routes, ...workflowRoutes()], { requestMetrics: counted });
}

describe('/health', () => {
  test.each(['/health', '/ops/health'])('%s answers as long as the process does, and tells of the database', async (path) => {
    await operating();
    expect(await served.ask('GET', path)).toMatchObject({ status: 200, json: { status: 'healthy', database: 'healthy' } });
    await served.stop();
    await operating({ checks: { ...vital, postgres: unhealthy } });
    expect(await served.ask('GET', path)).toMatchObject({ status: 200, json: { status: 'healthy', database: 'unhealthy' } });
  });

  test('does not ask who is asking, and minds no broken token', async () => {
    await operating();
    expect((await served.ask('GET', '/health', { headers: { Authorization: 'Bearer wrong' } })).status).toBe(200);
  });
});

describe('/health/detailed', () => {
  test('tells how every part is, with what it says of itself', async () => {
    await operating({ checks: { ...vital, projector: () => ({ status: 'healthy', lag_events: 3, lag_seconds: 0.2 }) } });
    const { status, json } = await served.ask('GET', '/health/detailed');
    expect([status, json.status]).toEqual([200, 'healthy']);
    expect(json.checks).toEqual({
      eventstore: { status: 'healthy', latency_ms: expect.any(Number) },
      postgres: { status: 'healthy', latency_ms: expect.any(Number) },
      projector: { status: 'healthy', latency_ms: expect.any(Number), lag_events: 3, lag_seconds: 0.2 },
      kafka: { status: 'off' },
      storage: { status: 'off' },
      mail: { status: 'off' },
      webhooks: { status: 'off' },
    });
  });

  test.each(['eventstore', 'postgres', 'projector'])('is a 503 when the %s is unhealthy, or throws', async (part) => {
    const throwing: Check = () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7'));
    for (const check of [unhealthy, throwing]) {
      await operating({ checks: { ...vital, [part]: check } });
      const { status, json, text } = await served.ask('GET', '/health/detailed');
      expect([status, json.status, json.checks[part].status]).toEqual([503, 'unhealthy', 'unhealthy']);
      expect(text).not.toContain('10.0.0.7');
      await served.stop();
    }
  });

  test('is degraded, and a 200, when a part that is not vital is unhealthy', async () => {
    await operating({ checks: { ...vital, kafka: unhealthy } });
    expect(await served.ask('GET', '/health/detailed')).toMatchObject({ status: 200, json: { status: 'degraded' } });
  });

  test('waits two seconds for a part that hangs, and never asks it twice at a time', async () => {
    let asked = 0;
    const hanging: Check = () => {
      asked++;
      return new Promise(() => {});
    };
    await operating({ checks: { ...vital, postgres: hanging } });
    const began = Date.now();
    const answers = await Promise.all([1, 2, 3].map(() => served.ask('GET', '/health/detailed')));
    expect(Date.now() - began).toBeLessThan(3500);
    expect(answers.map(({ json }) => json.checks.postgres.status)).toEqual(['unhealthy', 'unhealthy', 'unhealthy']);
    expect(asked).toBe(1);
  });
});

test('/ready is a 503 with the reason while it is not', async () => {
  await operating({ readiness: () => ({ ready: false, reason: 'the read models are catching up' }) });
  expect(await served.ask('GET', '/ready')).toMatchObject({
    status: 503,
    json: { ready: false, reason: 'the read models are catching up' },
  });
  await served.stop();
  await operating();
  expect(await served.ask('GET', '/ready')).toMatchObject({ status: 200, json: { ready: true, reason: null } });
});

test('/version says what is running', async () => {
  await operating();
  expect((await served.ask('GET', '/version')).json).toEqual(about);
});

test('/ops/metrics and /metrics count what was answered', async () => {
  await operating();
  await served.ask('GET', '/version');
  await served.ask('GET', '/nothing');
  expect((await served.ask('GET', '/ops/metrics')).json).toEqual({ total_requests: 2, status_codes: { 200: 1, 404: 1 } });
  const { headers, text } = await served.ask('GET', '/metrics', { headers: { Accept: 'text/plain;version=0.0.4' } });
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(text).toContain('http_requests_total{method="GET",path="/version",status="200"} 1');
});

test('/workflow tells every way between statuses', async () => {
  await operating();
  const { json } = await served.ask('GET', '/api/v1/workflow');
  expect([json.initial, json.done]).toEqual(['todo', 'done']);
  expect(json.statuses).toContainEqual({ name: 'in_review', transitions: ['in_progress', 'done', 'cancelled'] });
  expect(json.statuses).toHaveLength(6);
});
