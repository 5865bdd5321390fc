import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { allProjections } from '../../src/projections/all-projections.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let one: TestService;
let other: TestService;
let ann: Client;
let annThere: Client;

beforeAll(async () => {
  one = await startTestService();
  other = await startTestService(one.sameStores);
  ann = await one.someone('ann');
  annThere = other.as(ann);
});
afterAll(async () => {
  await other?.stop();
  await one?.stop();
});

describe('two instances', () => {
  test('know each other’s sessions', async () => {
    expect((await annThere.get('/auth/me')).body.username).toBe('ann');
  });

  test('read on one what was written on the other, by the position that the caller carries along', async () => {
    for (let n = 0; n < 20; n++) {
      const created = await ann.post('/tasks', { title: `Task ${n}`, tags: ['carried'] });
      const listed = await annThere.get('/tasks?tags=carried', { 'tasktrail-position': created.headers.get('tasktrail-position')! });
      expect(listed.headers.get('tasktrail-stale')).toBeNull();
      expect(listed.body.total).toBe(n + 1);
      expect(listed.body.items[0].title).toBe(`Task ${n}`);
      expect((await annThere.get(`/tasks/${created.body.id}`)).body).toEqual(created.body);
    }
  });

  test('race on one task cleanly: every acknowledged write is there, once', async () => {
    const { id } = (await ann.post('/tasks', { title: 'Contended' })).body;
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, n) => (n % 2 ? ann : annThere).patch(`/tasks/${id}`, { title: `Title ${n}` })),
    );
    const done = replies.filter(({ status }) => status === 200);
    for (const reply of replies) if (reply.status !== 200) expect(reply.body.error.code).toBe('WRITE_CONTENTION');
    expect((await annThere.get(`/tasks/${id}`)).body.revision).toBe(done.length);
    expect(new Set(done.map(({ headers }) => headers.get('tasktrail-revision'))).size).toBe(done.length);
  });

  test('answer a repeated command alike', async () => {
    const headers = { 'idempotency-key': 'on-both' };
    const first = await ann.post('/tasks', { title: 'Once' }, headers);
    const again = await annThere.post('/tasks', { title: 'Once' }, headers);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  test('have one writer of the read models between them, and another when that one goes', async () => {
    const states = async (service: TestService) => {
      const { projections } = (await service.anonymous.send('GET', '/health/detailed')).body.checks.projector;
      return Object.values(projections as Record<string, { state: string }>).map(({ state }) => state);
    };
    const all = [...(await states(one)), ...(await states(other))];
    expect(all.filter((state) => state === 'standby')).toHaveLength(allProjections.length);
    expect(all.filter((state) => state !== 'standby' && state !== 'stopped')).toHaveLength(allProjections.length);
  });
});

describe('what a query waits for', () => {
  test('is the caller’s own last command, without being told', async () => {
    for (let n = 0; n < 20; n++) {
      await ann.post('/tasks', { title: 'Mine', tags: [`own-${n}`] });
      expect((await ann.get(`/tasks?tags=own-${n}`)).body.total).toBe(1);
      expect((await ann.get('/activity?limit=1')).body.items[0]).toMatchObject({ action: 'created', details: { tags: [`own-${n}`] } });
    }
  });

  test('is the command that gave or took access', async () => {
    const bob = await one.someone('bob');
    const { id } = (await ann.post('/tasks', { title: 'For Bob' })).body;
    for (let n = 0; n < 5; n++) {
      await ann.post(`/tasks/${id}/assign`, { assignee_id: bob.id });
      expect((await bob.get('/tasks')).body.items.map((task: { id: string }) => task.id)).toEqual([id]);
      await ann.post(`/tasks/${id}/assign`, { assignee_id: null });
      expect((await bob.get('/tasks')).body.items).toEqual([]);
    }
  });

  test('ends at once for a position that no event has', async () => {
    const since = performance.now();
    const reply = await ann.get('/tasks', { 'tasktrail-position': '99999999999999999999' });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('tasktrail-stale')).toBe('true');
    expect(performance.now() - since).toBeLessThan(1500);
    expect((await ann.get('/tasks', { 'tasktrail-position': 'x' })).body.error.details).toEqual([
      { path: 'header.tasktrail-position', message: expect.any(String), code: 'format' },
    ]);
  });
});
