import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';
import { atOnce } from './authorisation/at-once.ts';
import { exchange } from './framework/serving.ts';

let service: TestService;
let weakened: Weakened;
let ann: Client;
beforeAll(async () => {
  service = await startTestService();
  const starting = startWeakened(service);
  ann = await service.someone('ann');
  weakened = await starting;
}, 60_000);
afterAll(async () => {
  await weakened?.stop();
  await service?.stop();
});

const curl = promisify(execFile);

/** Sends requests for paths as they are, or as the URL parser of a client leaves them. @returns the statuses */
const transports: Record<string, (url: string, method: string, paths: readonly string[], body?: string) => Promise<number[]>> = {
  fetch: (url, method, paths, body) =>
    atOnce(paths, async (path) => {
      const headers = { Authorization: `Bearer ${ann.token}`, ...(body && { 'Content-Type': 'application/json' }) };
      const response = await fetch(url + path, { method, headers, ...(body && { body }) });
      await response.arrayBuffer();
      return response.status;
    }),
  async curl(url, method, paths, body) {
    const sent = body ? ['-H', 'Content-Type: application/json', '--data', body] : [];
    const { stdout } = await curl('curl', [
      ...['-s', '-g', '-w', '%{http_code}\n', '-X', method, '-H', `Authorization: Bearer ${ann.token}`],
      ...sent,
      ...paths.flatMap((path) => ['-o', '/dev/null', url + path]),
    ]);
    return stdout.trim().split('\n').map(Number);
  },
  'a raw socket': (url, method, paths, body = '') =>
    atOnce(paths, async (path) => {
      const { port } = new URL(url);
      const head = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, `Authorization: Bearer ${ann.token}`, 'Connection: close'];
      if (body) head.push('Content-Type: application/json');
      const answer = await exchange(Number(port), `${[...head, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`);
      return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
    }),
};

/** In the place of a name that its user chose. */
const segments = [
  '..',
  '.',
  '%2e%2e',
  '.%2E',
  '%2e',
  '../',
  './',
  '..%2f',
  '%2f',
  '%2f..%2f..',
  '',
  '/',
  '//',
  '..%5c',
  '..%5c..',
  '../..',
  '../../',
];
/** What stands around such a name: below a task, and below the root of the API. */
const placesIn = (taskId: string) => [`/api/v1/tasks/${taskId}/tags/`, `/api/v1/tasks/${taskId}/share/`, `/api/v1/tasks/${taskId}/`];

async function aTask(): Promise<string> {
  const { body } = await ann.post('/tasks', { title: 'Kept', tags: ['kept'] });
  await ann.post(`/tasks/${body.id}/comments`, { content: 'kept' });
  return body.id;
}

describe('a segment that a client resolves before it sends the path', () => {
  test.each(Object.entries(transports))('reaches no other resource than the one that is named, through %s', async (_, send) => {
    const taskId = await aTask();
    const before = (await ann.get(`/tasks/${taskId}?include=comments`)).body;
    const requests = placesIn(taskId).flatMap((place) => segments.map((segment) => place + segment));
    const deleted = await send(service.url, 'DELETE', requests);
    expect(requests.filter((_, index) => ![404, 405, 422].includes(deleted[index]!))).toEqual([]);
    for (const method of ['POST', 'PATCH', 'PUT', 'GET']) {
      const statuses = await send(service.url, method, requests, method === 'GET' ? undefined : '{}');
      expect(requests.filter((_, index) => statuses[index]! >= 500)).toEqual([]);
    }
    expect((await ann.get(`/tasks/${taskId}?include=comments`)).body).toEqual(before);
  });

  test('deletes the task above it without this: a slash at the end deletes nothing', async () => {
    const remains = async (url: string, segment: string) => {
      const taskId = await aTask();
      await transports.fetch!(url, 'DELETE', [`/api/v1/tasks/${taskId}/tags/${segment}`]);
      return (await ann.get(`/tasks/${taskId}`)).status === 200;
    };
    await weakened.without('a slash at the end deletes nothing');
    const forms = ['..', '%2e%2e', '.%2e'];
    expect(await Promise.all(forms.map((segment) => remains(weakened.url, segment)))).toEqual([false, false, false]);
    await weakened.without();
    expect(await Promise.all(forms.map((segment) => remains(weakened.url, segment)))).toEqual([true, true, true]);
  });
});

describe('a slash at the end of a path', () => {
  test('is the absence of a route to DELETE, and nothing to other methods', async () => {
    const taskId = await aTask();
    const answer = await ann.delete(`/tasks/${taskId}/`);
    expect([answer.status, answer.body.error.code]).toEqual([404, 'ROUTE_NOT_FOUND']);
    expect((await ann.get(`/tasks/${taskId}/`)).status).toBe(200);
    expect((await ann.patch(`/tasks/${taskId}/`, { title: 'Changed' })).body.title).toBe('Changed');
    expect((await ann.delete(`/tasks/${taskId}`)).status).toBe(204);
  });

  test('is one slash: two are another path', async () => {
    expect(await transports['a raw socket']!(service.url, 'GET', ['//', '/api/v1/tasks//'])).toEqual([404, 404]);
  });
});

describe('a tag of one or two dots', () => {
  const wrong = (path: string) => [expect.objectContaining({ path, code: 'format' })];

  test.each(['.', '..', ' .. '])('is refused in every body, filter and path: %j', async (tag) => {
    const taskId = await aTask();
    const encoded = encodeURIComponent(tag);
    const answers = [
      await ann.post('/tasks', { title: 'x', tags: [tag] }),
      await ann.put(`/tasks/${taskId}`, { title: 'x', tags: [tag] }),
      await ann.patch(`/tasks/${taskId}`, { tags: ['a', tag] }),
      await ann.patch('/tasks/bulk', { task_ids: [taskId], updates: { tags: [tag] } }),
      await ann.post(`/tasks/${taskId}/tags`, { tags: [tag] }),
      await ann.get(`/tasks?tags=a,${encoded}`),
      await ann.get(`/tasks?tags_any=${encoded}`),
    ];
    expect(answers.map(({ status, body }) => [status, body.error.details])).toEqual([
      [422, wrong('tags.0')],
      [422, wrong('tags.0')],
      [422, wrong('tags.1')],
      [422, wrong('updates.tags.0')],
      [422, wrong('tags.0')],
      [422, wrong('query.tags')],
      [422, wrong('query.tags_any')],
    ]);
    expect(await transports['a raw socket']!(service.url, 'DELETE', [`/api/v1/tasks/${taskId}/tags/${encoded}`])).toEqual([422]);
  });
});

describe('an id in upper case', () => {
  const upper = (id: string) => id.toUpperCase();

  test('is taken in every body that names tasks or users, and comes back in lower case', async () => {
    const bob = await service.someone('bob');
    const taskId = await aTask();
    const shared = await ann.post(`/tasks/${upper(taskId)}/share`, { user_id: upper(bob.id), permission: 'edit' });
    expect([shared.status, shared.body.user.id]).toEqual([201, bob.id]);
    const assigned = await ann.post(`/tasks/${upper(taskId)}/assign`, { assignee_id: upper(bob.id) });
    expect([assigned.status, assigned.body.id, assigned.body.assignee.id]).toEqual([200, taskId, bob.id]);
    const made = await ann.post('/tasks', { title: 'x', assignee_id: upper(ann.id) });
    expect([made.status, made.body.assignee.id]).toEqual([201, ann.id]);
    const bulk = await ann.post('/tasks/bulk-status', { task_ids: [upper(taskId)], target_status: 'in_progress' });
    expect([bulk.status, bulk.body.results[0].task_id]).toEqual([200, taskId]);
    const operation = shared.headers.get('tasktrail-operation')!;
    const undone = await ann.post('/activity/undo', { operation_id: upper(operation), dry_run: true });
    expect([undone.status, undone.body.total]).toEqual([200, 1]);
    const given = await ann.post(`/tasks/${taskId}/transfer`, { new_owner_id: upper(bob.id) });
    expect([given.status, given.body.owner.id]).toEqual([200, bob.id]);
    expect((await bob.delete(`/tasks/${upper(taskId)}/share/${upper(ann.id)}`)).status).toBe(204);
  });

  test('has one queue and one idempotency key with its other form', async () => {
    const taskId = await aTask();
    const edits = Array.from({ length: 10 }, (_, n) => ann.patch(`/tasks/${n % 2 ? taskId : upper(taskId)}`, { title: `Title ${n}` }));
    const revisions = (await Promise.all(edits)).map(({ body }) => body.revision);
    expect(revisions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, n) => revisions.toSorted((a, b) => a - b)[0] + n));
    const key = { 'Idempotency-Key': 'either-form' };
    const first = await ann.patch(`/tasks/${upper(taskId)}`, { title: 'Once' }, key);
    const again = await ann.patch(`/tasks/${taskId}`, { title: 'Once' }, key);
    expect([again.headers.get('idempotent-replayed'), again.body.revision]).toEqual(['true', first.body.revision]);
  });
});
