import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TaskView } from '../../src/api/views/task-view.ts';
import type { TaskRow } from '../../src/projections/listing/schema.ts';
import { aComment, ann, aTask, bob, cid, gone, taskId } from '../queries/given-tasks.ts';
import { type ReadServer, startReadServer } from './read-server.ts';

const moment = (n: number) => `2026-01-02T03:0${n}:00.678Z`;

const tasks: TaskRow[] = [
  aTask(1, { title: 'Alpha', priority: 'low', tags: ['home'], due_date: '2000-01-01', updated_at: moment(9) }),
  aTask(2, { title: 'beta', status: 'in_progress', tags: ['home', 'work'], assignee_id: bob, updated_at: moment(8) }),
  aTask(3, { title: 'Gamma', status: 'in_review', priority: 'high', tags: ['work'], due_date: '2999-01-02', updated_at: moment(7) }),
  aTask(4, { title: 'delta', status: 'blocked', priority: 'urgent', due_date: '1999-12-31', updated_at: moment(6) }),
  aTask(5, { title: 'Epsilon', status: 'done', priority: 'low', tags: ['needs review'], due_date: '2000-01-01', updated_at: moment(5) }),
  aTask(6, { title: 'zeta', status: 'cancelled', due_date: '2999-01-01', updated_at: moment(4) }),
  aTask(7, {
    title: 'Nu',
    description: 'Call "the plumber" at example.com',
    shares: { [bob]: 'edit', [cid]: 'view' },
    comment_count: 2,
    file_count: 3,
    updated_at: moment(3),
    revision: 9,
  }),
  aTask(11, { title: 'Assigned', owner_id: bob, assignee_id: ann }),
  aTask(12, { title: 'Viewed', owner_id: bob, shares: { [ann]: 'view' } }),
  aTask(13, { title: 'Both', owner_id: bob, assignee_id: ann, shares: { [ann]: 'view' } }),
  aTask(14, { title: 'Of the gone', owner_id: gone, assignee_id: gone, shares: { [ann]: 'edit' } }),
  aTask(15, { title: 'None of her business', owner_id: bob }),
  aTask(21, { title: 'Deleted alpha', deleted_at: moment(1) }),
  aTask(22, { title: 'Deleted by Bob', owner_id: bob, assignee_id: ann, deleted_at: moment(1) }),
];

const comments = [
  aComment(101, 2, { content: 'The handyman comes on Friday' }),
  aComment(102, 3, { content: 'The handyman left', standing: false, revision: 2 }),
];

let server: ReadServer;
beforeAll(async () => {
  server = await startReadServer();
  await server.tasks(tasks);
  await server.comments(comments);
});
afterAll(() => server?.close());

const titles = (body: { items: { title: string }[] }) => body.items.map(({ title }) => title).join(', ');
const own = 'Alpha, beta, Gamma, delta, Epsilon, zeta, Nu';
const others = 'Assigned, Viewed, Both, Of the gone';

describe("GET /tasks, for somebody's oldest first", () => {
  test.each([
    ['', `${own}, ${others}`],
    ['scope=owned', own],
    ['scope=assigned', 'Assigned, Both'],
    ['scope=shared', 'Viewed, Both, Of the gone'],
    ['scope=all', `${own}, ${others}`],
    ['status=todo&scope=owned', 'Alpha, Nu'],
    ['status=done,in_review', 'Gamma, Epsilon'],
    ['priority=urgent', 'delta'],
    ['priority=urgent,high&status=blocked,todo', 'delta'],
    ['tags=home', 'Alpha, beta'],
    ['tags=work,HOME', 'beta'],
    ['tags_any=home, Work', 'Alpha, beta, Gamma'],
    ['tags=needs review', 'Epsilon'],
    ['completed=true', 'Epsilon'],
    ['completed=false&scope=owned', 'Alpha, beta, Gamma, delta, zeta, Nu'],
    ['overdue=true', 'Alpha, delta'],
    ['overdue=false&scope=owned', 'beta, Gamma, Epsilon, zeta, Nu'],
    ['owner=me', own],
    ['owner=bob', 'Assigned, Viewed, Both'],
    ['owner=BOB', 'Assigned, Viewed, Both'],
    [`owner=${gone}`, 'Of the gone'],
    ['owner=nobody', ''],
    ['assignee=me', 'Assigned, Both'],
    ['assignee=bob', 'beta'],
    [`assignee=${gone}`, 'Of the gone'],
    ['assignee=none&scope=shared', 'Viewed'],
    ['due_after=2000-01-01', 'Alpha, Gamma, Epsilon, zeta'],
    ['due_before=2000-01-01', 'Alpha, delta, Epsilon'],
    ['due_after=2000-01-01&due_before=2999-01-01', 'Alpha, Epsilon, zeta'],
    ['created_after=2026-01-02T03:14:00Z', 'Of the gone'],
    ['created_after=2026-01-02T03:14:00.000001Z', ''],
    ['created_before=2026-01-02T03:01:00.000Z', 'Alpha'],
    ['created_before=2026-01-02T05:01:00.000%2B02:00', 'Alpha'],
    ['created_before=2026-01-02&scope=assigned', 'Assigned, Both'],
    ['created_before=2026-01-01', ''],
    ['created_after=2026-01-02&scope=assigned', 'Assigned, Both'],
    ['created_after=2026-01-03', ''],
    ['updated_after=2026-01-02T03:08:00.678Z&scope=owned', 'Alpha, beta'],
    ['updated_before=2026-01-02T03:03:00.678Z', 'Nu'],
    ['deleted=true', 'Deleted alpha'],
    ['deleted=true&search=alpha', 'Deleted alpha'],
    ['deleted=true&scope=assigned', ''],
    ['deleted=false&scope=assigned', 'Assigned, Both'],
  ])('%s', async (query, expected) => {
    const { status, body } = await server.as('ann').get(`/tasks?sort_order=asc&${query}`);
    expect(body).toMatchObject({ total: expected === '' ? 0 : expected.split(', ').length });
    expect(titles(body)).toBe(expected);
    expect(status).toBe(200);
  });
});

describe('search', () => {
  test.each([
    ['by the beginning of a word, in any case', 'ALPH', 'Alpha'],
    ['in tags', 'review', 'Epsilon'],
    ['in descriptions', 'plumb', 'Nu'],
    ['in parts of an address', 'example', 'Nu'],
    ['in comments that stand', 'handyman', 'beta'],
    ['for words of which one is in the title and another in a comment', 'beta friday', 'beta'],
    ['for all words', 'alpha friday', ''],
    ['not inside words', 'lpha', ''],
    ['for a phrase', '"the plumber"', 'Nu'],
    ['for a phrase with its words in order', '"plumber the"', ''],
    ['for a phrase within one field', '"nu call"', ''],
    ['for a phrase of whole words', '"the plumb"', ''],
    ['for a phrase and a word', '"needs review" eps', 'Epsilon'],
    ['for nothing that is a word', '-- "" !', ''],
    ['with a quote that does not end', '"alpha', 'Alpha'],
  ])('finds %s', async (_, search, expected) => {
    const { status, body } = await server.as('ann').get(`/tasks?search=${encodeURIComponent(search)}`);
    expect(status).toBe(200);
    expect(titles(body)).toBe(expected);
    expect(body.total).toBe(expected === '' ? 0 : 1);
  });

  test.each([
    "'",
    "''",
    "' or 1=1 --",
    '\\',
    "\\'",
    "a\\':*",
    ':*',
    'a:*',
    '&|!()<->',
    '<->',
    'a & !b',
    '%',
    '_',
    '"\'"',
    '\u0001',
    '’',
    '🎉',
    'a\u00a0b',
    '\ufdd0',
    "x'".repeat(10),
    '\\'.repeat(200),
  ])('takes %j for what it is', async (search) => {
    const { status } = await server.as('ann').get(`/tasks?search=${encodeURIComponent(search)}`);
    expect(status).toBe(200);
  });

  test('puts a hit in the title before one in the tags, the description and a comment, also the other way round', async () => {
    await server.tasks([
      aTask(31, { owner_id: cid, title: 'd', tags: ['quince'] }),
      aTask(32, { owner_id: cid, title: 'e', description: 'quince' }),
      aTask(33, { owner_id: cid, title: 'c quince' }),
      aTask(34, { owner_id: cid, title: 'f' }),
    ]);
    await server.comments([aComment(134, 34, { content: 'quince' })]);
    const found = async (order: string) => titles((await server.as('cid').get(`/tasks?search=quince${order}`)).body);
    expect(await found('')).toBe('c quince, d, e, f');
    expect(await found('&sort_by=relevance')).toBe('c quince, d, e, f');
    expect(await found('&sort_by=relevance&sort_order=asc')).toBe('f, e, d, c quince');
    expect(await found('&sort_by=created_at&sort_order=desc')).toBe('f, c quince, e, d');
  });
});

describe('order', () => {
  test.each([
    ['', 'Nu, zeta, Epsilon, delta, Gamma, beta, Alpha'],
    ['sort_by=created_at', own],
    ['sort_by=created_at&sort_order=desc', 'Nu, zeta, Epsilon, delta, Gamma, beta, Alpha'],
    ['sort_order=asc', own],
    ['sort_by=updated_at', 'Nu, zeta, Epsilon, delta, Gamma, beta, Alpha'],
    ['sort_by=due_date', 'delta, Alpha, Epsilon, zeta, Gamma, beta, Nu'],
    ['sort_by=due_date&sort_order=desc', 'Gamma, zeta, Epsilon, Alpha, delta, Nu, beta'],
    ['sort_by=priority', 'Alpha, Epsilon, beta, zeta, Nu, Gamma, delta'],
    ['sort_by=status', 'Alpha, Nu, beta, Gamma, delta, Epsilon, zeta'],
    ['sort_by=status&sort_order=desc', 'zeta, Epsilon, delta, Gamma, beta, Nu, Alpha'],
    ['sort_by=title', 'Alpha, beta, delta, Epsilon, Gamma, Nu, zeta'],
    ['sort_by=completed', 'Alpha, beta, Gamma, delta, zeta, Nu, Epsilon'],
    ['sort_by=id&sort_order=desc', 'Nu, zeta, Epsilon, delta, Gamma, beta, Alpha'],
  ])('%s', async (query, expected) => {
    const { body } = await server.as('ann').get(`/tasks?scope=owned&${query}`);
    expect(titles(body)).toBe(expected);
    // The same by cursor, in parts of two.
    const walked: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const part: Awaited<ReturnType<ReturnType<ReadServer['as']>['get']>> = await server
        .as('ann')
        .get(`/tasks?scope=owned&per_page=2&${query}${cursor && `&cursor=${cursor}`}`);
      walked.push(titles(part.body));
      cursor = part.body.next_cursor;
    }
    expect(walked.join(', ')).toBe(expected);
  });
});

describe('an item', () => {
  const find = async (who: string, query: string) => (await server.as(who).get(`/tasks?${query}`)).body.items[0];

  test('is the task as the API shows it', async () => {
    const item = await find('ann', 'search=plumber');
    expect(TaskView.parse(item)).toEqual(item);
    expect(item).toEqual({
      id: taskId(7),
      title: 'Nu',
      description: 'Call "the plumber" at example.com',
      status: 'todo',
      priority: 'medium',
      tags: [],
      due_date: null,
      completed: false,
      completed_at: null,
      overdue: false,
      owner: { id: ann, username: 'ann', full_name: 'Ann Example' },
      assignee: null,
      permission: 'owner',
      share_count: 2,
      comment_count: 2,
      file_count: 3,
      created_at: '2026-01-02T03:07:00.000Z',
      updated_at: '2026-01-02T03:03:00.678Z',
      deleted_at: null,
      revision: 9,
    });
    expect(Object.keys(item)).toEqual(Object.keys(TaskView.shape));
  });

  test('says what the reader may', async () => {
    expect((await find('ann', 'search=assigned')).permission).toBe('edit');
    expect((await find('ann', 'search=viewed')).permission).toBe('view');
    expect((await find('ann', 'search=both')).permission).toBe('edit');
    expect((await find('bob', 'search=nu')).permission).toBe('edit');
    expect((await find('bob', 'search=beta')).permission).toBe('edit');
    expect((await find('root', 'scope=everyone&search=viewed')).permission).toBe('admin');
    expect((await find('ann', 'deleted=true')).permission).toBe('owner');
  });

  test('has no names of whose account is erased', async () => {
    const nobody = { id: gone, username: null, full_name: 'Deleted user' };
    expect(await find('ann', `owner=${gone}`)).toMatchObject({ owner: nobody, assignee: nobody });
    expect(await find('ann', 'owner=bob')).toMatchObject({ owner: { username: 'bob', full_name: 'Bob "the" Builder' } });
  });

  test("is overdue by the reader's own date", async () => {
    const today = new Intl.DateTimeFormat('en-CA', { timeZone: 'Pacific/Pago_Pago' }).format();
    await server.tasks([aTask(41, { owner_id: cid, title: 'Midnight', due_date: today })]);
    // A day and an hour apart.
    const late = server.as('cid', 'Pacific/Kiritimati');
    const early = server.as('cid', 'Pacific/Pago_Pago');
    expect((await late.get('/tasks?search=midnight')).body.items[0].overdue).toBe(true);
    expect((await early.get('/tasks?search=midnight')).body.items[0].overdue).toBe(false);
    expect((await late.get('/tasks?overdue=true')).body.total).toBe(1);
    expect((await early.get('/tasks?overdue=true')).body.total).toBe(0);
  });
});

describe('pages', () => {
  const page = (query: string) => server.as('ann').get(`/tasks?scope=owned&sort_order=asc&${query}`);
  const rels = (link: string | null) =>
    Object.fromEntries(
      (link ?? '').split(', ').map((part) => [/rel="(\w+)"/.exec(part)![1], /[?&](page|skip|cursor)=([^&>]*)/.exec(part)?.[2]]),
    );

  test('by number', async () => {
    const { body, headers } = await page('page=2&per_page=3&format=json');
    expect({ ...body, items: titles(body) }).toEqual({
      items: 'delta, Epsilon, zeta',
      total: 7,
      page: 2,
      per_page: 3,
      pages: 3,
      next_cursor: expect.any(String),
    });
    expect(rels(headers.get('link'))).toEqual({ first: '1', prev: '1', next: '3', last: '3' });
    expect(headers.get('link')).toContain('</api/v1/tasks?scope=owned&sort_order=asc&per_page=3&format=json&page=3>; rel="next"');
  });

  test('by rows skipped', async () => {
    const { body, headers } = await page('skip=2&limit=3');
    expect({ ...body, items: titles(body) }).toMatchObject({ items: 'Gamma, delta, Epsilon', total: 7, page: 1, per_page: 3, pages: 3 });
    expect(rels(headers.get('link'))).toEqual({ first: '0', prev: '0', next: '5', last: '6' });
  });

  test('by cursor, which counts nothing unless asked', async () => {
    const { next_cursor } = (await page('per_page=3')).body;
    const { body, headers } = await page(`per_page=2&cursor=${next_cursor}`);
    expect({ ...body, items: titles(body) }).toEqual({
      items: 'delta, Epsilon',
      total: null,
      page: null,
      per_page: 2,
      pages: null,
      next_cursor: expect.any(String),
    });
    expect(rels(headers.get('link'))).toEqual({ first: undefined, next: body.next_cursor });
    expect((await page(`cursor=${next_cursor}&include_total=true`)).body).toMatchObject({ total: 7, pages: 1, next_cursor: null });
  });

  test('20 a page, and the last has nothing behind it', async () => {
    const { body, headers } = await page('');
    expect(body).toMatchObject({ page: 1, per_page: 20, pages: 1, next_cursor: null });
    expect(rels(headers.get('link'))).toEqual({ first: '1', last: '1' });
  });

  test('beyond the end are empty', async () => {
    const { status, body, headers } = await page('page=2147483647&per_page=100');
    expect(status).toBe(200);
    expect(body).toEqual({ items: [], total: 7, page: 2147483647, per_page: 100, pages: 1, next_cursor: null });
    expect(rels(headers.get('link'))).toEqual({ first: '1', prev: '1', last: '1' });
    expect((await page('skip=2147483647')).body).toMatchObject({ items: [], total: 7 });
    expect((await server.as('root').get('/tasks')).body).toEqual({
      items: [],
      total: 0,
      page: 1,
      per_page: 20,
      pages: 0,
      next_cursor: null,
    });
  });

  test('a cursor of another list, order or form is refused', async () => {
    const { next_cursor } = (await page('per_page=3')).body;
    const forged = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
    const [mark, key, id] = JSON.parse(Buffer.from(next_cursor, 'base64url').toString());
    const bad = [
      `scope=owned&sort_order=asc&status=todo&cursor=${next_cursor}`,
      `scope=owned&sort_order=desc&cursor=${next_cursor}`,
      `scope=all&sort_order=asc&cursor=${next_cursor}`,
      ...[
        '',
        'x',
        'AAAA',
        '%00',
        '🎉',
        forged(),
        forged(mark),
        forged(mark, 'yesterday', id),
        forged(mark, key, 'x'),
        forged(mark, 1, id),
      ].map((cursor) => `scope=owned&sort_order=asc&cursor=${encodeURIComponent(cursor)}`),
    ];
    for (const query of bad) {
      const { status, body } = await server.as('ann').get(`/tasks?${query}`);
      expect([query, status]).toEqual([query, 422]);
      if (!query.endsWith('%2500') && !query.endsWith('%00')) expect(body.error.code).toBe('INVALID_CURSOR');
    }
    expect(server.errors).toEqual([]);
  });
});

describe('what is not understood', () => {
  test.each([
    ['nonsense=1', 'query.nonsense unknown_key'],
    ['as_of=lately', 'query.as_of format'],
    ['status=todo&status=done', 'query.status duplicate'],
    ['status=later', 'query.status not_one_of'],
    ['status=', 'query.status not_one_of'],
    ['priority=low,,high', 'query.priority not_one_of'],
    ['scope=mine', 'query.scope not_one_of'],
    ['tags=a,,b', 'query.tags too_short'],
    [`tags_any=${'x'.repeat(51)}`, 'query.tags_any too_long'],
    ['completed=1', 'query.completed not_one_of'],
    ['overdue=yes', 'query.overdue not_one_of'],
    ['search=', 'query.search too_short'],
    [`search=${'x'.repeat(201)}`, 'query.search too_long'],
    ['search=a%00b', 'query.search format'],
    ['owner=none', 'query.owner format'],
    ['owner=a b', 'query.owner format'],
    ['assignee=', 'query.assignee format'],
    ['due_after=2026-02-30', 'query.due_after format'],
    ['due_before=2026-01-01T00:00:00Z', 'query.due_before format'],
    ['due_before=0000-01-01', 'query.due_before format'],
    ['created_after=yesterday', 'query.created_after format'],
    ['created_after=2026-01-01T00:00:00', 'query.created_after format'],
    ['updated_before=0000-12-31T23:59:59Z', 'query.updated_before format'],
    ['updated_before=9999-12-31T23:59:59-01:00', 'query.updated_before format'],
    ['deleted=maybe', 'query.deleted not_one_of'],
    ['sort_by=rank', 'query.sort_by not_one_of'],
    ['sort_by=relevance', 'query.search required'],
    ['sort_order=up', 'query.sort_order not_one_of'],
    ['page=0', 'query.page too_small'],
    ['page=2147483648', 'query.page too_big'],
    ['page=one', 'query.page type'],
    ['page=1.5', 'query.page type'],
    ['skip=-1', 'query.skip too_small'],
    ['per_page=0', 'query.per_page too_small'],
    ['per_page=101', 'query.per_page too_big'],
    ['limit=101', 'query.limit too_big'],
    ['page=1&skip=0', 'query.skip conflicts_with'],
    ['page=1&cursor=x', 'query.cursor conflicts_with'],
    ['skip=0&cursor=x', 'query.cursor conflicts_with'],
    ['per_page=1&limit=1', 'query.limit conflicts_with'],
    ['include_total=1', 'query.include_total not_one_of'],
    ['format=xml', 'query.format not_one_of'],
    ['format=csv&page=1', 'query.page conflicts_with'],
    ['format=ndjson&cursor=x', 'query.cursor conflicts_with'],
    [
      'page=0&skip=0&nonsense=1&status=later',
      'query.nonsense unknown_key, query.page too_small, query.skip conflicts_with, query.status not_one_of',
    ],
  ])('%s', async (query, expected) => {
    const { status, body } = await server.as('ann').get(`/tasks?${query}`);
    expect(status).toBe(422);
    expect(body.error.code).toBe('VALIDATION_FAILED');
    const faults = body.error.details.map(({ path, code }: { path: string; code: string }) => `${path} ${code}`);
    expect(faults.sort().join(', ')).toBe(expected);
  });
});

describe("everybody's tasks", () => {
  test('are for admins', async () => {
    for (const path of ['/tasks?scope=everyone', '/tasks/admin/all', '/tasks/stats?scope=everyone']) {
      const { status, body } = await server.as('ann').get(path);
      expect([path, status, body.error.code]).toEqual([path, 403, 'ADMIN_ONLY']);
      expect((await server.as('root').get(path)).status).toBe(200);
    }
  });

  test('are all there are that are not deleted', async () => {
    const { body } = await server.as('root').get('/tasks/admin/all?owner=bob&sort_by=title');
    expect(titles(body)).toBe('Assigned, Both, None of her business, Viewed');
    const all = await server.as('root').get('/tasks?scope=everyone&per_page=100');
    expect(all.body.total).toBe(all.body.items.length);
    expect((await server.as('root').get('/tasks/admin/all?deleted=true&sort_by=title')).body).toMatchObject({
      items: [{ title: 'Deleted alpha' }, { title: 'Deleted by Bob' }],
      total: 2,
    });
    expect((await server.as('root').get('/tasks?deleted=true')).body.total).toBe(0);
  });

  test('take no scope of their own', async () => {
    expect((await server.as('root').get('/tasks/admin/all?scope=owned')).status).toBe(422);
    expect((await server.as('ann').get('/tasks/shared-with-me?scope=owned')).status).toBe(422);
  });
});

test('GET /tasks/shared-with-me lists what others share', async () => {
  const { body } = await server.as('ann').get('/tasks/shared-with-me?sort_by=title');
  expect(titles(body)).toBe('Both, Of the gone, Viewed');
});

test('every answer has waited for the listing, and says when that was in vain', async () => {
  for (const path of ['/tasks', '/tasks?format=csv', '/tasks/shared-with-me', '/tasks/stats', '/tags']) {
    const before = server.waited.length;
    const { headers } = await server.as('ann').get(path);
    expect(headers.get('tasktrail-stale')).toBe('true');
    expect(server.waited.slice(before)).toMatchObject([{ models: ['listing'], caller: { id: ann }, ofEverybody: false }]);
  }
  await server.as('root').get('/tasks/admin/all');
  expect(server.waited.at(-1)).toMatchObject({ ofEverybody: true });
});
