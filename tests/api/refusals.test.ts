import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let ann: Client;
let bob: Client;
beforeAll(async () => {
  service = await startTestService();
  [ann, bob] = await Promise.all([service.someone('ann'), service.someone('bob')]);
});
afterAll(() => service?.stop());

const aTask = async (more: object = {}): Promise<string> => (await ann.post('/tasks', { title: 'Water the plants', ...more })).body.id;

describe('a refusal names the key of the request', () => {
  test.each([
    ['post', '/transition', { target_status: 'in_review' }, 'target_status'],
    ['patch', '', { status: 'in_review' }, 'status'],
    ['put', '', { title: 'Replaced', status: 'in_review' }, 'status'],
  ] as const)('of a transition by %s %s', async (method, path, body, key) => {
    const id = await aTask({ status: 'done' });
    const { status, body: refusal } = await ann[method](`/tasks/${id}${path}`, body);
    const details = [{ path: key, from: 'done', to: 'in_review', allowed: ['todo'] }];
    expect([status, refusal.error]).toMatchObject([409, { code: 'INVALID_TRANSITION', details }]);
  });

  test('of a completion', async () => {
    const id = await aTask({ status: 'cancelled' });
    for (const [method, body] of [
      ['patch', { completed: true }],
      ['put', { title: 'Replaced', completed: true }],
    ] as const) {
      const { body: refusal } = await ann[method](`/tasks/${id}`, body);
      expect(refusal.error).toMatchObject({ code: 'INVALID_TRANSITION', details: [{ path: 'completed', from: 'cancelled', to: 'done' }] });
    }
  });

  test('of too many tags, in an object or as a bare list', async () => {
    const id = await aTask({ tags: Array.from({ length: 20 }, (_, n) => `tag ${n}`) });
    const pathOf = async (body: unknown) => (await ann.post(`/tasks/${id}/tags`, body)).body.error.details[0].path;
    expect(await pathOf({ tags: ['one more'] })).toBe('tags');
    expect(await pathOf(['one more'])).toBe('');
  });
});

describe('bulk-status', () => {
  test('says what the status is of each task that it refuses and the caller may see', async () => {
    const [done, theirs, deleted] = [
      await aTask({ status: 'done' }),
      (await bob.post('/tasks', { title: 'Not hers' })).body.id,
      await aTask(),
    ];
    const viewed = (await bob.post('/tasks', { title: 'To look at', status: 'blocked' })).body.id;
    await bob.post(`/tasks/${viewed}/share`, { user_id: ann.id });
    await ann.delete(`/tasks/${deleted}`);
    const task_ids = [done, await aTask(), viewed, theirs, deleted, randomUUID()];
    const expected = [
      [false, 'done', 'INVALID_TRANSITION'],
      [true, 'todo', undefined],
      [false, 'blocked', 'FORBIDDEN'],
      ...Array.from({ length: 3 }, () => [false, undefined, 'TASK_NOT_FOUND']),
    ];
    const move = (more: object) => ann.post('/tasks/bulk-status', { task_ids, target_status: 'in_progress', ...more });
    const told = (results: { success: boolean; previous_status?: string; code?: string }[]) =>
      results.map(({ success, previous_status, code }) => [success, previous_status, code]);
    const refused = await move({ atomic: true });
    expect([refused.status, refused.body.error.code, told(refused.body.error.details)]).toEqual([409, 'BULK_REFUSED', expected]);
    expect(told((await move({})).body.results)).toEqual(expected);
  });

  test('leaves statuses out of bulk calls that are not about them', async () => {
    const { body } = await bob.post('/tasks/bulk-delete', { task_ids: [await aTask()] });
    expect(Object.keys(body.results[0])).not.toContain('previous_status');
  });
});

describe('the permission in the response to a command', () => {
  test('is null after the command that took the last one away, and otherwise what is left', async () => {
    const given = async (keep: string | null) =>
      (await ann.post(`/tasks/${await aTask()}/transfer`, { new_owner_id: bob.id, keep })).body.permission;
    expect([await given(null), await given('view'), await given('edit')]).toEqual([null, 'view', 'edit']);
    const assigned = await aTask({ assignee_id: bob.id });
    expect((await bob.post(`/tasks/${assigned}/assign`, { assignee_id: null })).body).toMatchObject({ permission: null, assignee: null });
  });
});
