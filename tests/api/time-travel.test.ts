import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, type Reply, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let ann: Client;
let bob: Client;
let admin: Client;

beforeAll(async () => {
  service = await startTestService();
  [ann, bob, admin] = await Promise.all([service.someone('ann'), service.someone('bob'), service.admin()]);
});
afterAll(() => service?.stop());

const now = () => new Date().toISOString();
/** A time that lies between two events: neither at the same millisecond as the last one nor as the next. */
async function between(): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 3));
  const time = now();
  await new Promise((resolve) => setTimeout(resolve, 3));
  return time;
}
const titles = (reply: Reply) => reply.body.items.map(({ title }: { title: string }) => title).sort();
const code = (reply: Reply) => reply.body.error.code;
const today = (item: Record<string, unknown>) => ({ ...item, permission: undefined });

describe('what was', () => {
  let first: string;
  let before: string;
  let middle: string;
  let then: Record<string, Reply>;
  const queries = [
    '',
    '?status=todo',
    '?tags=garden',
    '?search=ferns',
    '?search=monstera',
    '?sort_by=title',
    '?sort_by=priority&sort_order=desc',
    '?completed=true',
    '?scope=owned',
    '?overdue=true',
    '?priority=high&per_page=1',
  ];

  beforeAll(async () => {
    before = await between();
    const make = async (title: string, more: object = {}) => (await ann.post('/tasks', { title, ...more })).body.id;
    first = await make('Water the ferns', { tags: ['garden', 'weekly'], due_date: '2020-01-01', priority: 'high' });
    const second = await make('Mow', { tags: ['garden'] });
    const third = await make('Delete me', { status: 'done' });
    await ann.post(`/tasks/${second}/comments`, { content: 'Mind the monstera' });
    then = Object.fromEntries(await Promise.all(queries.map(async (query) => [query, await ann.get(`/tasks${query}`)])));
    then.stats = await ann.get('/tasks/stats');
    then.tags = await ann.get('/tags');
    then.task = await ann.get(`/tasks/${first}`);
    middle = await between();
    await ann.patch(`/tasks/${first}`, { title: 'Water the roses', tags: ['flowers'], due_date: null, status: 'done', priority: 'low' });
    const { items } = (await ann.get(`/tasks/${second}/comments`)).body;
    await ann.patch(`/tasks/${second}/comments/${items[0].id}`, { content: 'Mind the cactus' });
    await ann.delete(`/tasks/${third}`);
    await make('Later');
  });

  test.each(queries)('is listed as it was listed: %s', async (query) => {
    const reply = await ann.get(`/tasks${query}${query ? '&' : '?'}as_of=${middle}`);
    expect(reply.status).toBe(200);
    expect(reply.body.items.map(today)).toEqual(then[query]!.body.items.map(today));
    expect(reply.body.total).toBe(then[query]!.body.total);
    expect(reply.headers.get('tasktrail-as-of-position')).toMatch(/^\d+$/);
    expect(reply.headers.get('etag')).toBeNull();
  });

  test('is counted as it was counted', async () => {
    expect((await ann.get(`/tasks/stats?as_of=${middle}`)).body).toEqual(then.stats!.body);
    expect((await ann.get(`/tags?as_of=${middle}`)).body).toEqual(then.tags!.body);
    expect((await ann.get(`/tasks/stats?as_of=${before}`)).body).toMatchObject({ total: 0, by_tag: {}, comments_posted: 0 });
  });

  test('of one task is what it was, by time, position and revision', async () => {
    const task = `/tasks/${first}`;
    const asked = await ann.get(`${task}?as_of=${middle}`);
    expect(asked.body).toEqual(then.task!.body);
    expect(asked.headers.get('etag')).toBeNull();
    const position = asked.headers.get('tasktrail-as-of-position');
    expect((await ann.get(`${task}?as_of_position=${position}`)).body).toEqual(then.task!.body);
    expect((await ann.get(`${task}?revision=0`)).body).toEqual(then.task!.body);
    expect(code(await ann.get(`${task}?as_of=${before}`))).toBe('TASK_NOT_FOUND');
    expect(code(await ann.get(`${task}?revision=99`))).toBe('REVISION_NOT_FOUND');
    expect(code(await bob.get(`${task}?revision=0`))).toBe('TASK_NOT_FOUND');
  });

  test('the same time always gives the same answer, also one that nothing has happened after yet', async () => {
    const time = await between();
    const one = await ann.get(`/tasks?as_of=${time}`);
    const position = one.headers.get('tasktrail-as-of-position');
    await ann.post('/tasks', { title: 'Later still' });
    const again = await ann.get(`/tasks?as_of=${time}`);
    expect([again.body, again.headers.get('tasktrail-as-of-position')]).toEqual([one.body, position]);
    expect((await ann.get(`/tasks?as_of_position=${position}`)).body).toEqual(one.body);
    expect(titles(await ann.get('/tasks'))).toContain('Later still');
  });

  test('pages by cursor', async () => {
    const [one] = [await ann.get(`/tasks?as_of=${middle}&per_page=2`)];
    const two = await ann.get(`/tasks?as_of=${middle}&per_page=2&cursor=${one.body.next_cursor}`);
    expect([...one.body.items, ...two.body.items]).toHaveLength(3);
    expect(code(await ann.get(`/tasks?per_page=2&cursor=${one.body.next_cursor}`))).toBe('INVALID_CURSOR');
  });

  test('is asked for in one way, and never of the future', async () => {
    const faults = async (query: string) =>
      (await ann.get(`/tasks?${query}`)).body.error.details.map((detail: object) => ({ ...detail, message: '' }));
    const fault = (path: string, why: string) => [{ path: `query.${path}`, message: '', code: why }];
    expect(await faults('as_of=2999-01-01')).toEqual(fault('as_of', 'too_big'));
    expect(await faults(`as_of_position=${'9'.repeat(18)}`)).toEqual(fault('as_of_position', 'too_big'));
    expect(await faults(`as_of=${middle}&as_of_position=1`)).toEqual(fault('as_of_position', 'conflicts_with'));
    expect(await faults('as_of=yesterday')).toEqual(fault('as_of', 'format'));
  });
});

test('the past is for whom may see the task now', async () => {
  const shared = (await ann.post('/tasks', { title: 'Shared then' })).body.id;
  await ann.post(`/tasks/${shared}/share`, { username: 'bob' });
  const secret = (await ann.post('/tasks', { title: 'Shared since' })).body.id;
  const then = await between();
  await ann.delete(`/tasks/${shared}/share/bob`);
  await ann.post(`/tasks/${secret}/share`, { username: 'bob', permission: 'edit' });
  const seen = await bob.get(`/tasks?as_of=${then}`);
  expect(titles(seen)).toEqual(['Shared since']);
  expect(seen.body.items[0].permission).toBe('edit');
  expect(code(await bob.get(`/tasks/${shared}?as_of=${then}`))).toBe('TASK_NOT_FOUND');
  expect((await bob.get(`/tasks/${secret}?as_of=${then}`)).body.title).toBe('Shared since');
});

test('a task since deleted is there for its owner and admins', async () => {
  const id = (await ann.post('/tasks', { title: 'Deleted since' })).body.id;
  await ann.post(`/tasks/${id}/share`, { username: 'bob' });
  const then = await between();
  await ann.delete(`/tasks/${id}`);
  expect(titles(await ann.get(`/tasks?as_of=${then}&per_page=100`))).toContain('Deleted since');
  expect(titles(await admin.get(`/tasks/admin/all?as_of=${then}&per_page=100`))).toContain('Deleted since');
  expect(titles(await bob.get(`/tasks?as_of=${then}&per_page=100`))).not.toContain('Deleted since');
  expect((await ann.get(`/tasks/${id}?as_of=${then}`)).body).toMatchObject({ title: 'Deleted since', deleted_at: null });
  expect(code(await bob.get(`/tasks/${id}?as_of=${then}`))).toBe('TASK_NOT_FOUND');
  expect(titles(await ann.get(`/tasks?deleted=true&as_of=${await between()}&per_page=100`))).toContain('Deleted since');
});
