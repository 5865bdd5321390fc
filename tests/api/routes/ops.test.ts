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

describe('what is open to all and takes work', () => {
  test('is done once a second, however many ask: metrics are collected, and each part is asked', async () => {
    let now = 0;
    const counts = { metrics: 0, postgres: 0 };
    const metrics = createMetrics();
    metrics.gauge({ name: 'collected', help: 'How often this was read.' }, () => [{ value: ++counts.metrics }]);
    const postgres: Check = () => {
      counts.postgres++;
      return { status: 'healthy' };
    };
    await operating({ metrics, checks: { ...vital, postgres }, now: () => now });
    const askAll = async () => {
      const paths = Array.from({ length: 100 }, () => ['/metrics', '/health/detailed', '/health']).flat();
      const answers = await Promise.all(paths.map((path) => served.ask('GET', path)));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    };
    await askAll();
    now = 999;
    await askAll();
    expect(counts).toEqual({ metrics: 1, postgres: 1 });
    now = 1000;
    await askAll();
    expect(counts).toEqual({ metrics: 2, postgres: 2 });
  });

  test('is done again at once after it has failed', async () => {
    const metrics = createMetrics();
    const text = metrics.text;
    let failures = 1;
    metrics.text = () => (failures-- > 0 ? Promise.reject(new Error('not now')) : text());
    await operating({ metrics });
    expect((await served.ask('GET', '/metrics')).status).toBe(500);
    expect((await served.ask('GET', '/metrics')).status).toBe(200);
  });
});

describe('with METRICS_TOKEN', () => {
  test.each(['/metrics', '/ops/metrics', '/health/detailed'])('%s takes that token alone', async (path) => {
    await operating({ metricsToken: 'scrape-me' });
    const codeWith = async (headers: Record<string, string>) => {
      const { status, json, headers: answered } = await served.ask('GET', path, { headers });
      return [status, json?.error?.code, answered['www-authenticate']?.startsWith('Bearer')];
    };
    expect(await codeWith({})).toEqual([401, 'NOT_AUTHENTICATED', true]);
    expect(await codeWith({ Authorization: 'Basic scrape-me' })).toEqual([401, 'NOT_AUTHENTICATED', true]);
    expect(await codeWith({ Authorization: 'Bearer scrape-m' })).toEqual([401, 'TOKEN_INVALID', true]);
    expect((await served.ask('GET', path, { headers: { Authorization: 'Bearer scrape-me' } })).status).toBe(200);
  });

  test.each(['/health', '/ops/health', '/ready', '/version'])('%s stays open', async (path) => {
    await operating({ metricsToken: 'scrape-me' });
    expect((await served.ask('GET', path)).status).toBe(200);
  });
});

test('/workflow tells every way between statuses', async () => {
  await operating();
  const { json } = await served.ask('GET', '/api/v1/workflow');
  expect([json.initial, json.done]).toEqual(['todo', 'done']);
  expect(json.statuses).toContainEqual({ name: 'in_review', transitions: ['in_progress', 'done', 'cancelled'] });
  expect(json.statuses).toHaveLength(6);
});
