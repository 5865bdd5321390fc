import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Family, parseExposition } from '../support/exposition.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { atOnce } from './authorisation/at-once.ts';

let service: TestService;
let ann: Client;
beforeAll(async () => {
  service = await startTestService();
  ann = await service.someone('ann');
  await ann.post('/tasks', { title: 'Water the plants' });
  await ann.get('/tasks');
});
afterAll(() => service?.stop());

/** The metrics as they are now: they are collected once a second at most. */
async function metrics(): Promise<Family[]> {
  await sleep(1_000);
  const { status, text, headers } = await service.anonymous.send('GET', '/metrics');
  expect({ status, type: headers.get('content-type') }).toEqual({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
  return parseExposition(text);
}
const reading = (families: Family[], name: string, labels: Record<string, string> = {}) =>
  families.flatMap(({ samples }) => samples).find((sample) => sample.name === name && isSubset(labels, sample.labels))?.value;
const isSubset = (some: Record<string, string>, all: Record<string, string>) =>
  Object.entries(some).every(([key, value]) => all[key] === value);

test('every line is of the text format, and every family is told of and named by the conventions', async () => {
  const families = await metrics();
  expect(families.length).toBeGreaterThan(30);
  for (const { name, type, help } of families) {
    expect({ name, help: help.length > 5, type }).toEqual({ name, help: true, type: expect.stringMatching(/counter|gauge|histogram/) });
    expect({ name, endsInTotal: name.endsWith('_total') }).toEqual({ name, endsInTotal: type === 'counter' });
    expect(name).not.toMatch(/milli|micro|_ms\b|_kb\b|minutes|percent/);
    if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
  }
});

test('each part is there: requests, appends, commands, read models, accounts, the pool, the event loop', async () => {
  await ann.get('/tasks');
  const families = await metrics();
  const present = (name: string, labels?: Record<string, string>) =>
    expect([name, reading(families, name, labels)]).toEqual([name, expect.any(Number)]);
  present('http_requests_total', { method: 'POST', path: '/api/v1/tasks', status: '201' });
  present('http_request_duration_seconds_count', { method: 'GET', path: '/api/v1/tasks', status: '2xx' });
  present('tasktrail_append_conflicts_total');
  present('tasktrail_command_retries_total');
  present('nodejs_eventloop_lag_p99_seconds');
  present('tasktrail_database_connections', { state: 'idle' });
  present('tasktrail_database_connections', { state: 'busy' });
  present('tasktrail_auth_cache_lookups_total', { result: 'miss' });
  expect(reading(families, 'tasktrail_append_duration_seconds_count')).toBeGreaterThanOrEqual(2);
  expect(reading(families, 'tasktrail_auth_cache_lookups_total', { result: 'hit' })).toBeGreaterThanOrEqual(1);
  expect(reading(families, 'tasktrail_database_connections_max', { pool: 'reads' })).toBe(5);
  present('tasktrail_database_waiting');
  present('tasktrail_outbox_events');
  for (const projection of ['listing', 'activity']) {
    present('tasktrail_projection_lag_events', { projection });
    present('tasktrail_projection_lag_seconds', { projection });
    expect(reading(families, 'tasktrail_projection_events_total', { projection })).toBeGreaterThanOrEqual(3);
  }
});

test('what is asked for makes no new series, however many ids and paths there are', async () => {
  const ask = async () => {
    await ann.get(`/tasks/${randomUUID()}`);
    await ann.get(`/tasks?search=${randomUUID()}`);
    await ann.post(`/tasks/${randomUUID()}/transition`, { target_status: randomUUID() });
    await service.anonymous.send('GET', `/${randomUUID()}`);
  };
  const series = (families: Family[]) =>
    families.filter(({ name }) => /^(http|tasktrail)/.test(name)).reduce((sum, { samples }) => sum + samples.length, 0);
  await ask();
  const before = series(await metrics());
  for (let i = 0; i < 5; i++) await ask();
  const ids = Array.from({ length: 1_000 }, () => randomUUID());
  await atOnce(ids, (id) => service.anonymous.send('GET', `/api/v1/${id}/${id}`));
  const families = await metrics();
  expect(series(families)).toBe(before);
  expect(reading(families, 'http_requests_total', { path: 'unmatched', status: '404' })).toBe(1_006);
});

test.each([
  ['a sample of nobody', 'a_total 1\n'],
  ['a family that is torn', '# HELP a A.\n# TYPE a gauge\na{x="1"} 1\n# HELP b B.\n# TYPE b gauge\nb 1\na{x="2"} 1\n'],
  ['a series twice', '# HELP a A.\n# TYPE a gauge\na 1\na 2\n'],
  ['a label that is not closed', '# HELP a A.\n# TYPE a gauge\na{x="1} 1\n'],
  ['a quote in a label', '# HELP a A.\n# TYPE a gauge\na{x="1"2"} 1\n'],
  ['no number', '# HELP a A.\n# TYPE a gauge\na undefined\n'],
  ['buckets that do not rise', '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n'],
  ['no end', '# HELP a A.\n# TYPE a gauge\na 1'],
])('what is not of the text format is found out: %s', (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});
