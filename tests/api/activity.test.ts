import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ActivityStatsView, ActivityView } from '../../src/api/views/activity-view.ts';
import type { ActivityRow } from '../../src/projections/activity/schema.ts';
import { ann, aTask, bob, gone, root, taskId } from '../queries/given-tasks.ts';
import { type ReadServer, startReadServer } from './read-server.ts';

const uuid = (n: number) => `00000000-0000-5000-8000-${n.toString(16).padStart(12, '0')}`;
const beyondNumbers = 2n ** 53n;

/** The n-th event of a spec: Ann moved the first task, at noon of the n-th of January. */
function anActivity(n: number, row: Partial<ActivityRow> = {}): ActivityRow {
  return {
    position: (beyondNumbers + BigInt(n)).toString(),
    event_id: uuid(n),
    event_type: 'TaskTransitioned',
    action: 'transitioned',
    resource_type: 'task',
    resource_id: taskId(1),
    task_id: taskId(1),
    actor_id: ann,
    actor_kind: 'user',
    token_id: null,
    occurred_at: `2026-01-${String(n).padStart(2, '0')}T12:00:00.678Z`,
    request_id: 'spec',
    operation_id: uuid(1000 + n),
    revision: n,
    details: { changed_fields: ['status'], old_values: { status: 'todo' }, new_values: { status: 'done' } },
    mentions: [],
    mentioning: null,
    ...row,
  };
}

const shareDetails = { user_id: bob, permission: 'view', changed_fields: [`shares.${bob}`], old_values: {}, new_values: {} };
const rows = [
  anActivity(1, { event_type: 'TaskCreated', action: 'created', details: { title: '=1+1', priority: 'low' } }),
  anActivity(2, { operation_id: uuid(77), token_id: uuid(5) }),
  anActivity(3, {
    event_type: 'TaskShared',
    action: 'shared',
    details: shareDetails,
    operation_id: uuid(77),
  }),
  anActivity(4, {
    event_type: 'CommentAdded',
    action: 'created',
    resource_type: 'comment',
    resource_id: uuid(9),
    actor_id: bob,
    details: { content_preview: 'Hi' },
  }),
  anActivity(5, { task_id: taskId(2), resource_id: taskId(2), occurred_at: '2026-01-05T23:59:59.999Z' }),
  anActivity(6, {
    event_type: 'UserEmailVerified',
    action: 'verified',
    resource_type: 'user',
    resource_id: ann,
    task_id: null,
    details: {},
    occurred_at: '2026-01-05T00:00:00.000Z',
  }),
  anActivity(7, {
    event_type: 'FilesPurged',
    action: 'purged',
    resource_type: 'file',
    resource_id: uuid(8),
    actor_id: root,
    actor_kind: 'system',
    details: { file_ids: [uuid(8)] },
  }),
  anActivity(8, {
    actor_id: gone,
    event_type: 'TaskUnshared',
    action: 'unshared',
    details: { ...shareDetails, user_id: gone },
  }),
];

let server: ReadServer;
beforeAll(async () => {
  server = await startReadServer();
  await server.tasks([aTask(1)]);
  await server.activities(rows);
});
afterAll(() => server?.close());

const revisions = (body: { items: { revision: number }[] }) => body.items.map(({ revision }) => revision);

describe('GET /activity', () => {
  test.each([
    ['', [6, 5, 3, 2, 1]],
    ['action=created', [1]],
    ['action=created,shared', [3, 1]],
    ['resource_type=task', [5, 3, 2, 1]],
    ['resource_type=user,comment', [6]],
    [`task_id=${taskId(2)}`, [5]],
    [`operation_id=${uuid(77)}`, [3, 2]],
    ['start_date=2026-01-05', [6, 5]],
    ['end_date=2026-01-02', [2, 1]],
    ['start_date=2026-01-02T12:00:00.678Z&end_date=2026-01-03', [3, 2]],
    ['start_date=2026-01-05&end_date=2026-01-05', [6, 5]],
    ['actor=me', [6, 5, 3, 2, 1]],
    [`actor=${ann}`, [6, 5, 3, 2, 1]],
    ['actor=ann', [6, 5, 3, 2, 1]],
    ['action=erased', []],
  ])('%s: what the caller did, newest first', async (query, expected) => {
    const { status, body } = await server.as('ann').get(`/activity?${query}`);
    expect(status).toBe(200);
    expect(revisions(body)).toEqual(expected);
    expect(body.total).toBe(expected.length);
  });

  test('tells each event whole', async () => {
    const { body } = await server.as('ann').get('/activity');
    for (const item of body.items) {
      expect(ActivityView.parse(item)).toEqual(item);
      expect(Object.keys(item)).toEqual(Object.keys(ActivityView.shape));
    }
    expect(body.items[3]).toEqual({
      id: uuid(2),
      position: '9007199254740994',
      action: 'transitioned',
      resource_type: 'task',
      resource_id: taskId(1),
      task_id: taskId(1),
      actor: { id: ann, username: 'ann' },
      token_id: uuid(5),
      occurred_at: '2026-01-02T12:00:00.678Z',
      request_id: 'spec',
      operation_id: uuid(77),
      revision: 2,
      summary: 'Moved from todo to done',
      details: rows[1]!.details,
    });
    expect(body.items[2]).toMatchObject({
      summary: 'Shared the task with bob (view)',
      details: { user_id: bob, username: 'bob', permission: 'view' },
    });
  });

  test('of others is for admins', async () => {
    for (const actor of ['bob', bob, 'nobody']) {
      const { status, body } = await server.as('ann').get(`/activity?actor=${actor}`);
      expect([status, body.error.code]).toEqual([403, 'ADMIN_ONLY']);
    }
    expect(revisions((await server.as('root').get('/activity?actor=bob')).body)).toEqual([4]);
    expect(revisions((await server.as('root').get(`/activity?actor=${ann}&action=shared`)).body)).toEqual([3]);
    expect(revisions((await server.as('root').get('/activity?actor=nobody')).body)).toEqual([]);
    expect(revisions((await server.as('bob').get('/activity')).body)).toEqual([4]);
  });

  test('comes in pages and by cursor, which no number rounds', async () => {
    const walked: number[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: { body: { items: { revision: number }[]; next_cursor: string | null } } = await server
        .as('ann')
        .get(`/activity?per_page=2${cursor && `&cursor=${cursor}`}`);
      walked.push(...revisions(body));
      cursor = body.next_cursor;
    }
    expect(walked).toEqual([6, 5, 3, 2, 1]);
    const { body } = await server.as('ann').get('/activity?page=2&per_page=2');
    expect([revisions(body), body.total, body.pages]).toEqual([[3, 2], 5, 3]);
    const other = (await server.as('ann').get('/activity?per_page=2&action=created,transitioned')).body.next_cursor;
    expect((await server.as('ann').get(`/activity?per_page=2&cursor=${other}`)).body.error.code).toBe('INVALID_CURSOR');
  });

  test('as CSV and NDJSON', async () => {
    const csv = await server.as('ann').get('/activity?format=csv&end_date=2026-01-01');
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="activity.csv"');
    expect(csv.text.split('\r\n')).toEqual([
      'id,position,action,resource_type,resource_id,task_id,actor,actor_id,token_id,occurred_at,request_id,operation_id,revision,summary,details',
      `${uuid(1)},9007199254740993,created,task,${taskId(1)},${taskId(1)},ann,${ann},,2026-01-01T12:00:00.678Z,spec,${uuid(1001)},1,Created the task “=1+1”,` +
        '"{""title"":""=1+1"",""priority"":""low""}"',
      '',
    ]);
    const ndjson = await server.as('ann').get('/activity?format=ndjson');
    const { body } = await server.as('ann').get('/activity');
    expect(
      ndjson.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(body.items);
  });

  test.each([
    ['action=flew', 'query.action not_one_of'],
    ['resource_type=tag', 'query.resource_type not_one_of'],
    ['start_date=soon', 'query.start_date format'],
    ['task_id=1', 'query.task_id format'],
    ['operation_id=x', 'query.operation_id format'],
    ['actor=none', 'query.actor format'],
    ['status=todo', 'query.status unknown_key'],
    ['format=csv&skip=1', 'query.skip conflicts_with'],
  ])('refuses %s', async (query, expected) => {
    const { status, body } = await server.as('ann').get(`/activity?${query}`);
    expect(status).toBe(422);
    expect(body.error.details.map(({ path, code }: { path: string; code: string }) => `${path} ${code}`)).toEqual([expected]);
  });
});

test('GET /activity/stats counts what the caller did', async () => {
  const before = server.statements.length;
  const { body } = await server.as('ann').get('/activity/stats');
  expect(server.statements.slice(before)).toHaveLength(1);
  expect(ActivityStatsView.parse(body)).toEqual({
    total_activities: 5,
    by_action: { created: 1, transitioned: 2, shared: 1, verified: 1 },
    by_resource: { task: 4, user: 1 },
    by_day: { '2026-01-01': 1, '2026-01-02': 1, '2026-01-03': 1, '2026-01-05': 2 },
  });
  expect((await server.as('cid').get('/activity/stats')).body).toEqual({ total_activities: 0, by_action: {}, by_resource: {}, by_day: {} });
});

describe('GET /activity/tasks/{id}', () => {
  test('is the whole timeline, by whomsoever, oldest first', async () => {
    const { body } = await server.as('ann').get(`/activity/tasks/${taskId(1)}`);
    expect(revisions(body)).toEqual([1, 2, 3, 4, 7, 8]);
    expect(body).toMatchObject({ total: 6, page: 1, pages: 1, next_cursor: null });
    expect(body.items[4].actor).toEqual({ id: root, username: 'system' });
    expect(body.items[5]).toMatchObject({ actor: { id: gone, username: 'Deleted user' }, details: { username: 'Deleted user' } });
  });

  test('comes in pages and by cursor', async () => {
    const path = `/activity/tasks/${taskId(1)}?per_page=4`;
    const { next_cursor } = (await server.as('bob').get(path)).body;
    expect(revisions((await server.as('bob').get(`${path}&cursor=${next_cursor}`)).body)).toEqual([7, 8]);
    expect(revisions((await server.as('bob').get(`${path}&page=2`)).body)).toEqual([7, 8]);
    expect((await server.as('bob').get(`/activity/tasks/${taskId(2)}?cursor=${next_cursor}`)).body.error.code).toBe('INVALID_CURSOR');
  });

  test('of a task that the caller may not see, or that could not be one, is a 404', async () => {
    server.hidden.add(taskId(2));
    for (const id of [taskId(2), 'nonsense']) {
      const { status, body } = await server.as('bob').get(`/activity/tasks/${id}`);
      expect([status, body.error.code]).toEqual([404, 'TASK_NOT_FOUND']);
    }
  });

  test('waits for what was last done to the task', async () => {
    const { headers } = await server.as('bob').get(`/activity/tasks/${taskId(1)}`);
    expect(headers.get('tasktrail-stale')).toBe('true');
    expect(server.waited.at(-1)).toMatchObject({ models: ['activity', 'listing'], taskId: taskId(1), caller: { id: bob } });
  });
});

test('a list of activities is one statement', async () => {
  for (const path of ['/activity', '/activity?action=created&page=2', `/activity/tasks/${taskId(1)}`]) {
    const before = server.statements.length;
    await server.as('ann').get(path);
    expect(server.statements.slice(before)).toHaveLength(1);
  }
});
