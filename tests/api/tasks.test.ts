import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let ann: Client;
let bob: Client;
let admin: Client;

beforeAll(async () => {
  service = await startTestService();
  [ann, bob, admin] = await Promise.all([service.someone('ann'), service.someone('bob'), service.admin()]);
});
afterAll(() => service?.stop());

const aTask = async (body: object = {}): Promise<string> => (await ann.post('/tasks', { title: 'Water the plants', ...body })).body.id;
const refusal = (code: string) => expect.objectContaining({ body: { error: expect.objectContaining({ code }) } });
const absent = '00000000-0000-4000-8000-000000000000';

describe('creating a task', () => {
  test('answers it whole, with where to find it and where it stands', async () => {
    const reply = await ann.post('/tasks', { title: ' Water the plants ', tags: ['Home', 'garden', 'home '], due_date: '2020-01-02' });
    expect(reply.status).toBe(201);
    expect(reply.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      title: 'Water the plants',
      description: '',
      status: 'todo',
      priority: 'medium',
      tags: ['garden', 'home'],
      due_date: '2020-01-02',
      completed: false,
      completed_at: null,
      overdue: true,
      owner: { id: ann.id, username: 'ann', full_name: 'ann Example' },
      assignee: null,
      permission: 'owner',
      share_count: 0,
      comment_count: 0,
      file_count: 0,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: reply.body.created_at,
      deleted_at: null,
      revision: 0,
    });
    expect(reply.headers.get('location')).toBe(`/api/v1/tasks/${reply.body.id}`);
    expect(reply.headers.get('etag')).toBe('"0"');
    expect(reply.headers.get('tasktrail-revision')).toBe('0');
    expect(reply.headers.get('tasktrail-position')).toMatch(/^\d+$/);
    expect(reply.headers.get('tasktrail-operation')).toMatch(/^[0-9a-f-]{36}$/);
    expect((await ann.get(`/tasks/${reply.body.id}`)).body).toEqual(reply.body);
  });

  test('completed: true makes it done; together with a status it is refused', async () => {
    expect((await ann.post('/tasks', { title: 'x', completed: true })).body).toMatchObject({
      status: 'done',
      completed: true,
      completed_at: expect.any(String),
    });
    const both = await ann.post('/tasks', { title: 'x', completed: true, status: 'todo' });
    expect(both.status).toBe(422);
    expect(both.body.error.details).toEqual([{ path: 'completed', message: expect.any(String), code: 'conflicts_with' }]);
  });

  test('lists every fault of a body at once', async () => {
    const reply = await ann.post('/tasks', {
      description: 'x'.repeat(5001),
      priority: 'huge',
      tags: ['a,b', '', 'ok'],
      due_date: '2026-02-30',
      assignee_id: 'me',
      nonsense: 1,
    });
    expect(reply.status).toBe(422);
    expect(reply.body.error.code).toBe('VALIDATION_FAILED');
    const faults = reply.body.error.details.map(({ path, code }: { path: string; code: string }) => `${path} ${code}`);
    expect(faults.sort()).toEqual([
      'assignee_id format',
      'description too_long',
      'due_date format',
      'nonsense unknown_key',
      'priority not_one_of',
      'tags.0 format',
      'tags.1 too_short',
      'title required',
    ]);
  });

  test.each([
    ['a NUL', { title: 'a\0b' }],
    ['half of a surrogate pair', { title: 'a\ud800b' }],
    ['nothing but blanks', { title: '   ' }],
    ['256 characters', { title: 'x'.repeat(256) }],
    ['a number', { title: 1 }],
    ['a tag of 51 characters', { title: 'x', tags: ['y'.repeat(51)] }],
    ['21 tags', { title: 'x', tags: Array.from({ length: 21 }, (_, n) => `t${n}`) }],
    ['the year 0', { title: 'x', due_date: '0000-01-01' }],
  ])('refuses %s', async (_, body) => {
    expect(await ann.post('/tasks', body)).toEqual(refusal('VALIDATION_FAILED'));
  });

  test('with somebody unknown as assignee is a 404, with somebody known they can edit it', async () => {
    expect(await ann.post('/tasks', { title: 'x', assignee_id: absent })).toEqual(refusal('USER_NOT_FOUND'));
    const id = await aTask({ assignee_id: bob.id });
    expect((await bob.get(`/tasks/${id}`)).body).toMatchObject({ permission: 'edit', assignee: { username: 'bob' } });
    expect((await bob.patch(`/tasks/${id}`, { priority: 'low' })).status).toBe(200);
  });
});

describe('reading a task', () => {
  test('is 304 for who has it already, and 404 to whom it is none of their business', async () => {
    const id = await aTask();
    expect((await ann.get(`/tasks/${id}`, { 'if-none-match': '"0"' })).status).toBe(304);
    expect((await ann.get(`/tasks/${id}`, { 'if-none-match': '"1"' })).status).toBe(200);
    for (const path of [`/tasks/${id}`, `/tasks/${absent}`, '/tasks/nonsense']) {
      const reply = await bob.get(path);
      expect(reply.status).toBe(404);
      expect(reply).toEqual(refusal('TASK_NOT_FOUND'));
    }
    expect((await admin.get(`/tasks/${id}`)).body).toMatchObject({ permission: 'admin', owner: { username: 'ann' } });
    expect((await service.anonymous.get(`/tasks/${id}`)).status).toBe(401);
  });
});

describe('changing a task', () => {
  test('PATCH leaves what is left out, PUT gives it the default of a new task', async () => {
    const id = await aTask({ description: 'All', priority: 'high', tags: ['a'], due_date: '2030-01-01', status: 'in_progress' });
    expect((await ann.patch(`/tasks/${id}`, { due_date: null })).body).toMatchObject({
      description: 'All',
      priority: 'high',
      tags: ['a'],
      due_date: null,
      revision: 1,
    });
    const put = await ann.put(`/tasks/${id}`, { title: 'New' });
    expect(put.body).toMatchObject({ title: 'New', description: '', priority: 'medium', tags: [], due_date: null, status: 'in_progress' });
    expect((await ann.patch(`/tasks/${id}`, {})).body).toEqual(put.body);
    expect((await ann.put(`/tasks/${id}`, {})).status).toBe(422);
  });

  test('along the workflow, and not off it', async () => {
    const id = await aTask();
    expect((await ann.post(`/tasks/${id}/transition`, { target_status: 'done', comment: 'At last' })).body).toMatchObject({
      status: 'done',
      completed: true,
    });
    const off = await ann.post(`/tasks/${id}/transition`, { target_status: 'in_progress' });
    expect(off.status).toBe(409);
    expect(off.body.error).toMatchObject({
      code: 'INVALID_TRANSITION',
      message: "Invalid transition from 'done' to 'in_progress'",
      details: [{ path: 'target_status', from: 'done', to: 'in_progress', allowed: ['todo'] }],
    });
    expect((await ann.post(`/tasks/${id}/transition`, { target_status: 'done' })).headers.get('tasktrail-revision')).toBe('1');
  });

  test('tags are added as an object or a bare list, and removed by name', async () => {
    const id = await aTask();
    await ann.post(`/tasks/${id}/tags`, { tags: ['b'] });
    expect((await ann.post(`/tasks/${id}/tags`, ['A', 'b'])).body.tags).toEqual(['a', 'b']);
    expect((await ann.delete(`/tasks/${id}/tags/A`)).body.tags).toEqual(['b']);
    expect(await ann.delete(`/tasks/${id}/tags/a`)).toEqual(refusal('TAG_NOT_FOUND'));
  });

  test('assigning gives access, taking it back ends it', async () => {
    const id = await aTask();
    expect((await ann.post(`/tasks/${id}/assign`, { assignee_id: bob.id })).body.assignee).toMatchObject({ username: 'bob' });
    expect(await bob.post(`/tasks/${id}/assign`, { assignee_id: admin.id })).toEqual(refusal('ASSIGNEE_HAS_NO_ACCESS'));
    const back = await bob.post(`/tasks/${id}/assign`, { assignee_id: null });
    expect(back.body.assignee).toBeNull();
    expect((await bob.get(`/tasks/${id}`)).status).toBe(404);
  });

  test('by deleting and restoring: nothing in between, everything afterwards', async () => {
    const id = await aTask({ tags: ['a'] });
    const deleted = await ann.delete(`/tasks/${id}`);
    expect(deleted.status).toBe(204);
    expect(deleted.headers.get('tasktrail-revision')).toBe('1');
    expect((await ann.get(`/tasks/${id}`)).status).toBe(404);
    expect((await ann.delete(`/tasks/${id}`)).status).toBe(404);
    expect((await bob.post(`/tasks/${id}/restore`)).status).toBe(404);
    expect((await ann.post(`/tasks/${id}/restore`)).body).toMatchObject({ tags: ['a'], deleted_at: null, revision: 2 });
    expect((await bob.delete(`/tasks/${id}/force`)).status).toBe(404);
    await ann.post(`/tasks/${id}/assign`, { assignee_id: bob.id });
    expect(await bob.delete(`/tasks/${id}`)).toEqual(refusal('FORBIDDEN'));
    expect((await bob.delete(`/tasks/${id}/force`, undefined, { 'if-match': '"0"' })).status).toBe(204);
  });
});

describe('the conventions of commands', () => {
  test('If-Match: the stale one is told what happened in between, and by whom', async () => {
    const id = await aTask();
    await ann.patch(`/tasks/${id}`, { title: 'Second' }, { 'if-match': '"0"' });
    const stale = await ann.patch(`/tasks/${id}`, { title: 'Third' }, { 'if-match': '"0"' });
    expect(stale.status).toBe(412);
    expect(stale.headers.get('etag')).toBe('"1"');
    expect(stale.body.error.details).toEqual([
      {
        revision: 1,
        type: 'tasktrail.task.edited.v1',
        actor: { id: ann.id, username: 'ann' },
        occurred_at: expect.any(String),
        changes: [{ field: 'title', from: 'Water the plants', to: 'Second' }],
      },
    ]);
    expect((await ann.patch(`/tasks/${id}`, { title: 'Third' }, { 'if-match': '*' })).status).toBe(200);
    expect((await ann.patch(`/tasks/${id}`, { title: 'Third' }, { 'if-match': 'W/"2"' })).status).toBe(412);
    const nonsense = await ann.patch(`/tasks/${id}`, { title: 'Third' }, { 'if-match': 'nonsense' });
    expect(nonsense.body.error).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path: 'header.if-match' }] });
  });

  test('Idempotency-Key: the same answer again, and nothing is written', async () => {
    const headers = { 'idempotency-key': 'once' };
    const first = await ann.post('/tasks', { title: 'Once' }, headers);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const again = await Promise.all([1, 2, 3].map(() => ann.post('/tasks', { title: 'Once' }, headers)));
    for (const reply of again) {
      expect(reply.status).toBe(201);
      expect(reply.body).toEqual(first.body);
      expect(reply.headers.get('idempotent-replayed')).toBe('true');
      expect(reply.headers.get('tasktrail-position')).toBe(first.headers.get('tasktrail-position'));
    }
    expect(first.body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8/);
    expect(await ann.post('/tasks', { title: 'Twice' }, headers)).toEqual(refusal('IDEMPOTENCY_KEY_REUSED'));
    expect(await ann.post('/tasks', { title: 'Once' }, { 'idempotency-key': 'x'.repeat(129) })).toEqual(refusal('VALIDATION_FAILED'));
  });

  test('Prefer: return=minimal answers the headers alone', async () => {
    const created = await ann.post('/tasks', { title: 'Small' }, { prefer: 'return=minimal' });
    expect([created.status, created.text]).toEqual([201, '']);
    const path = created.headers.get('location')!.replace('/api/v1', '');
    const patched = await ann.patch(path, { title: 'Smaller' }, { prefer: 'return=minimal' });
    expect([patched.status, patched.text, patched.headers.get('etag')]).toEqual([204, '', '"1"']);
  });
});

describe('many tasks at once', () => {
  test('each on its own, in the order asked, doubles once', async () => {
    const ids = await Promise.all([aTask(), aTask({ status: 'cancelled' }), aTask()]);
    const reply = await ann.post('/tasks/bulk-status', { task_ids: [...ids, ids[0], absent], target_status: 'done' });
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({
      total: 4,
      successful: 2,
      failed: 2,
      results: [
        { task_id: ids[0], success: true, previous_status: 'todo', new_status: 'done', revision: 1 },
        {
          task_id: ids[1],
          success: false,
          previous_status: 'cancelled',
          error: "Invalid transition from 'cancelled' to 'done'",
          code: 'INVALID_TRANSITION',
        },
        { task_id: ids[2], success: true, previous_status: 'todo', new_status: 'done', revision: 1 },
        { task_id: absent, success: false, error: expect.any(String), code: 'TASK_NOT_FOUND' },
      ],
    });
    expect(reply.headers.get('tasktrail-position')).toMatch(/^\d+$/);
  });

  test('atomic: all of them or none', async () => {
    const ids = await Promise.all([aTask(), aTask({ status: 'cancelled' })]);
    const refused = await ann.post('/tasks/bulk-status', { task_ids: ids, target_status: 'done', atomic: true });
    expect(refused.status).toBe(409);
    expect(refused.body.error).toMatchObject({
      code: 'BULK_REFUSED',
      details: [
        { task_id: ids[0], success: true },
        { task_id: ids[1], success: false, code: 'INVALID_TRANSITION' },
      ],
    });
    expect((await ann.get(`/tasks/${ids[0]}`)).body.revision).toBe(0);
    const accepted = await ann.post('/tasks/bulk-status', { task_ids: ids, target_status: 'todo', atomic: true });
    expect(accepted.body).toMatchObject({ total: 2, successful: 2 });
  });

  test('updates and deletions', async () => {
    const ids = await Promise.all([aTask(), aTask()]);
    expect((await ann.patch('/tasks/bulk', { task_ids: ids, updates: { priority: 'urgent', tags: ['x'] } })).body).toMatchObject({
      successful: 2,
    });
    expect((await ann.get(`/tasks/${ids[1]}`)).body).toMatchObject({ priority: 'urgent', tags: ['x'] });
    expect((await ann.post('/tasks/bulk-delete', { task_ids: ids })).body).toMatchObject({
      successful: 2,
      results: [{ revision: 3 }, { revision: 3 }],
    });
    expect((await ann.get(`/tasks/${ids[1]}`)).status).toBe(404);
    for (const task_ids of [[], ['x'], Array.from({ length: 501 }, () => absent)])
      expect((await ann.post('/tasks/bulk-delete', { task_ids })).status).toBe(422);
  });
});
