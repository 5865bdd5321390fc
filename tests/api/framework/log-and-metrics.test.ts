import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { requestMetrics } from '../../../src/api/request-metrics.ts';
import { type Route, route } from '../../../src/api/route.ts';
import { createMetrics, type Metrics } from '../../../src/platform/metrics.ts';
import { type Serving, serving, somebody } from './serving.ts';

const common = { tag: 'Things', summary: 'A thing', answers: { 200: z.unknown() }, rejects: [] } as const;
const routes: Route[] = [
  route({
    ...common,
    method: 'post',
    path: '/things/:thing_id/secret/:word',
    needs: { scope: null },
    params: z.strictObject({ thing_id: z.string(), word: z.string() }),
    query: z.strictObject({ token: z.string().optional() }),
    body: z.strictObject({ password: z.string() }),
    handle: () => ({ status: 200, body: { token: 'canary-given' } }),
  }),
  route({ ...common, method: 'get', path: '/open', needs: 'open', handle: () => ({ status: 200, body: 1 }) }),
  route({ ...common, method: 'get', path: '/probe', root: true, isProbe: true, needs: 'open', handle: () => ({ status: 200, body: 1 }) }),
];

let metrics: Metrics;
let served: Serving;
beforeEach(async () => {
  metrics = createMetrics();
  const counted = requestMetrics(metrics);
  served = { ...(await serving(routes, { requestMetrics: counted })), requestMetrics: counted };
});
afterEach(() => served.stop());

describe('the log has one line for each request', () => {
  test('with exactly these members', async () => {
    await served.ask('POST', '/api/v1/things/7/secret/x', {
      headers: { Authorization: 'Bearer user', 'X-Request-ID': 'mine' },
      body: { password: 'x' },
    });
    const [line, ...others] = served.lines();
    expect(others).toEqual([]);
    expect(line).toEqual({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'info',
      logger: 'http',
      message: 'request',
      request_id: 'mine',
      method: 'POST',
      path: '/api/v1/things/{thing_id}/secret/{word}',
      status_code: 200,
      duration_ms: expect.any(Number),
      user_id: somebody.id,
    });
  });

  test('at debug for what is asked every few seconds, so that probes do not fill the log', async () => {
    await served.ask('GET', '/probe');
    await served.ask('GET', '/api/v1/open');
    expect(served.lines().map(({ path }) => path)).toEqual(['/api/v1/open']);
    expect(served.requestMetrics.totals().total_requests).toBe(2);
  });

  test('and nothing of what was said: no path as sent, no query, no header, no body', async () => {
    await served.ask('POST', '/api/v1/things/canary-id/secret/canary-word?token=canary-query', {
      headers: { Authorization: 'Bearer user', Cookie: 'canary-cookie', 'X-Api-Key': 'canary-key' },
      body: { password: 'canary-password' },
    });
    await served.ask('GET', '/api/v1/open', { headers: { Authorization: 'Bearer canary-token' } });
    await served.ask('GET', '/canary-path?reset=canary');
    await served.ask('POST', '/api/v1/things/1/secret/x', { headers: { Authorization: 'Bearer user' }, body: { canary: 'canary' } });
    expect(served.lines().map(({ status_code, path }) => [status_code, path])).toEqual([
      [200, '/api/v1/things/{thing_id}/secret/{word}'],
      [200, '/api/v1/open'],
      [404, 'unmatched'],
      [422, '/api/v1/things/{thing_id}/secret/{word}'],
    ]);
    expect(served.logText()).not.toContain('canary');
  });
});

describe('requests are counted', () => {
  test('by status, in all', async () => {
    await served.ask('GET', '/api/v1/open');
    await served.ask('GET', '/api/v1/open');
    await served.ask('GET', '/nothing');
    expect(served.requestMetrics.totals()).toEqual({ total_requests: 3, status_codes: { 200: 2, 404: 1 } });
  });

  test('for Prometheus by route, method and status', async () => {
    await served.ask('GET', '/api/v1/open');
    await served.ask('GET', '/nothing/1');
    await served.ask('GET', '/nothing/2');
    const text = await metrics.text();
    expect(text).toContain('http_requests_total{method="GET",path="/api/v1/open",status="200"} 1');
    expect(text).toContain('http_requests_total{method="GET",path="unmatched",status="404"} 2');
    expect(text).toContain('http_request_duration_seconds_count{method="GET",path="/api/v1/open",status="2xx"} 1');
  });
});

describe('other parts', () => {
  test('show what they measure, and the event loop its delay', async () => {
    let lags = [{ value: 7, labels: { projection: 'listing' } }];
    metrics.gauge({ name: 'projector_lag_events', help: 'Events behind.' }, () => lags);
    metrics.gauge({ name: 'connections', help: 'Open.' }, () => [{ value: 2 }]);
    metrics.gauge({ name: 'broken', help: 'Cannot be asked.' }, () => Promise.reject(new Error('gone')));
    metrics.counter({ name: 'append_conflicts_total', help: 'Lost races.' })(3);
    const observe = metrics.histogram({ name: 'append_seconds', help: 'An append.', buckets: [0.01, 0.1] }, { store: 'postgres' });
    observe(0.05);
    const text = await metrics.text();
    for (const line of [
      'projector_lag_events{projection="listing"} 7',
      'connections 2',
      'append_conflicts_total 3',
      'append_seconds_bucket{le="0.01",store="postgres"} 0',
      'append_seconds_bucket{le="0.1",store="postgres"} 1',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).toMatch(/nodejs_eventloop_lag_p99_seconds \d/);
    expect(text).not.toMatch(/^broken \d/m);
    lags = [];
    expect(await metrics.text()).not.toMatch(/^projector_lag_events\{/m);
  });
});
