import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startOfLastSevenDays } from '../../src/api/days.ts';
import { TaskStatsView } from '../../src/api/views/stats-view.ts';
import { ann, aTask, bob, cid, root } from '../queries/given-tasks.ts';
import { type ReadServer, startReadServer } from './read-server.ts';

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

let server: ReadServer;
beforeAll(async () => {
  server = await startReadServer();
  await server.tasks([
    aTask(1, {
      priority: 'low',
      due_date: '2000-01-01',
      tags: ['a', 'b'],
      created_at: daysAgo(6),
      comment_count: 3,
      comments_by_author: { [ann]: 2, [cid]: 1 },
    }),
    aTask(2, { status: 'in_progress', due_date: '2999-01-01', tags: ['b'], created_at: daysAgo(7), shares: { [bob]: 'view' } }),
    aTask(3, {
      status: 'done',
      due_date: '2000-01-01',
      tags: ['b', '__proto__'],
      created_at: daysAgo(30),
      completed_at: daysAgo(0),
      comment_count: 1,
      comments_by_author: { [ann]: 1 },
    }),
    aTask(4, { status: 'done', priority: 'urgent', tags: ['c'], created_at: daysAgo(30), completed_at: daysAgo(8) }),
    aTask(5, { status: 'cancelled', due_date: '2000-01-01', created_at: daysAgo(0) }),
    aTask(6, {
      owner_id: bob,
      assignee_id: ann,
      shares: { [ann]: 'edit', [cid]: 'view' },
      tags: ['b'],
      due_date: '2000-01-01',
      comment_count: 3,
      comments_by_author: { [ann]: 1, [bob]: 2 },
    }),
    aTask(7, { owner_id: bob, tags: ['z'], comment_count: 5, comments_by_author: { [bob]: 4, [root]: 1 } }),
    aTask(8, { tags: ['a'], deleted_at: daysAgo(0), comment_count: 9, comments_by_author: { [ann]: 9, [root]: 9 } }),
  ]);
});
afterAll(() => server?.close());

describe('GET /tasks/stats', () => {
  test('counts what the caller owns, without what is deleted, with every status and priority', async () => {
    const { body } = await server.as('ann').get('/tasks/stats');
    expect(TaskStatsView.parse(body)).toBeDefined();
    expect(body).toEqual({
      total: 5,
      completed: 2,
      incomplete: 3,
      completion_rate: 0.4,
      overdue: 1,
      by_status: { todo: 1, in_progress: 1, in_review: 0, blocked: 0, done: 2, cancelled: 1 },
      by_priority: { low: 1, medium: 3, high: 0, urgent: 1 },
      by_tag: JSON.parse('{"a": 1, "b": 3, "c": 1, "__proto__": 1}'),
      tasks_shared: 1,
      comments_posted: 3,
      created_last_7_days: 2,
      completed_last_7_days: 1,
    });
  });

  test.each([
    ['owned', 5, 3, 1],
    ['assigned', 1, 1, 1],
    ['shared', 1, 1, 1],
    ['all', 6, 4, 2],
  ])('over scope=%s', async (scope, total, comments_posted, overdue) => {
    expect((await server.as('ann').get(`/tasks/stats?scope=${scope}`)).body).toMatchObject({ total, comments_posted, overdue });
  });

  test("over everybody's tasks, for admins", async () => {
    expect((await server.as('root').get('/tasks/stats?scope=everyone')).body).toMatchObject({
      total: 7,
      comments_posted: 1,
      tasks_shared: 2,
      overdue: 2,
      by_tag: { b: 4, z: 1 },
    });
  });

  test("takes for overdue what was due before the caller's own date", async () => {
    const today = new Intl.DateTimeFormat('en-CA', { timeZone: 'Pacific/Pago_Pago' }).format();
    await server.tasks([aTask(41, { owner_id: cid, due_date: today })]);
    expect((await server.as('cid', 'Pacific/Pago_Pago').get('/tasks/stats')).body.overdue).toBe(0);
    expect((await server.as('cid', 'Pacific/Kiritimati').get('/tasks/stats')).body.overdue).toBe(1);
  });

  test('for somebody without tasks is all zeros', async () => {
    const { body } = await server.as('root').get('/tasks/stats');
    expect(body).toMatchObject({
      total: 0,
      completion_rate: 0,
      by_status: { todo: 0, cancelled: 0 },
      by_priority: { urgent: 0 },
      by_tag: {},
    });
  });

  test('knows only its scope', async () => {
    expect((await server.as('ann').get('/tasks/stats?status=todo')).status).toBe(422);
    expect((await server.as('ann').get('/tasks/stats?scope=mine')).status).toBe(422);
  });

  test('reads counters alone, in one statement', async () => {
    const before = server.statements.length;
    await server.as('ann').get('/tasks/stats');
    const [statement, ...others] = server.statements.slice(before);
    expect(others).toEqual([]);
    expect(statement!.text.match(/"listing_v1"\."\w+"/g)).toEqual(['"listing_v1"."counters"']);
  });

  test.each(['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kathmandu'])(
    "counts as created and completed in the last seven days what was on the caller's today and six days before, in %s",
    async (timezone) => {
      const since = startOfLastSevenDays(timezone, new Date());
      const before = new Date(Date.parse(since) - 1).toISOString();
      const n = 50 + 4 * ['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kathmandu'].indexOf(timezone);
      const done = (completed_at: string) => ({ owner_id: cid, status: 'done', created_at: before, completed_at }) as const;
      const client = server.as('cid', timezone);
      const counts = async () => {
        const { created_last_7_days: created, completed_last_7_days: completed } = (await client.get('/tasks/stats')).body;
        return { created, completed };
      };
      const first = await counts();
      await server.tasks([
        aTask(n, { owner_id: cid, created_at: since }),
        aTask(n + 1, { owner_id: cid, created_at: before }),
        aTask(n + 2, done(since)),
        aTask(n + 3, done(before)),
      ]);
      expect(await counts()).toEqual({ created: first.created + 1, completed: first.completed + 1 });
    },
  );
});

describe('GET /tags', () => {
  test('are those of all that the caller has access to, the most used first, then by name', async () => {
    const { body } = await server.as('ann').get('/tags');
    expect(body).toEqual({
      items: [
        { tag: 'b', count: 4, completed: 1 },
        { tag: '__proto__', count: 1, completed: 1 },
        { tag: 'a', count: 1, completed: 0 },
        { tag: 'c', count: 1, completed: 1 },
      ],
      total: 4,
      page: 1,
      per_page: 20,
      pages: 1,
      next_cursor: null,
    });
  });

  test('come in pages, and by cursor', async () => {
    const tags: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: { body: { items: { tag: string }[]; next_cursor: string | null } } = await server
        .as('ann')
        .get(`/tags?per_page=1${cursor && `&cursor=${cursor}`}`);
      tags.push(...body.items.map(({ tag }) => tag));
      cursor = body.next_cursor;
    }
    expect(tags).toEqual(['b', '__proto__', 'a', 'c']);
    expect((await server.as('ann').get('/tags?page=2&per_page=3')).body).toMatchObject({ items: [{ tag: 'c' }], total: 4, pages: 2 });
    expect((await server.as('ann').get('/tags?cursor=x')).body.error.code).toBe('INVALID_CURSOR');
  });
});
