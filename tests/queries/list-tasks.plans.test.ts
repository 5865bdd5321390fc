import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { PageRequest } from '../../src/queries/page.ts';
import type { TaskList } from '../../src/queries/tasks/list-tasks.ts';
import type { TaskFilters } from '../../src/queries/tasks/task-filters.ts';
import type { TaskSort } from '../../src/queries/tasks/task-sort.ts';
import { ann, people, root } from './given-tasks.ts';
import { openReadSide, type ReadSide, type Statement } from './read-side.ts';

jest.setTimeout(120_000);

const TASKS = 100_000;
const stateKey = `status || '/' || priority || '/0/' || case when assignee_id is null then 0 else 1 end`;
let readSide: ReadSide;

beforeAll(async () => {
  readSide = await openReadSide();
  await readSide.people(people);
  // Nearly all of what there is is Ann’s; the rest belongs to hundreds of others.
  await readSide.pool.query(`
    insert into listing_v1.tasks
      select gen_random_uuid(), 'Task ' || n || (case n % 1000 when 7 then ' needle' else '' end), 'What to do', (array['low', 'medium', 'high', 'urgent'])[1 + n % 4],
        (array['todo', 'in_progress', 'in_review', 'blocked', 'cancelled'])[1 + n % 5], null, date '2026-01-01' + n % 700, '{}',
        case when n <= ${TASKS} then '${ann}' else md5((n % 500)::text)::uuid end,
        case n % 10 when 0 then null when 1 then '${ann}'::uuid else md5((n % 500)::text)::uuid end, true, '{}', 0, '{}', 0,
        timestamptz '2020-01-01' + n * interval '1 minute', timestamptz '2020-01-01' + n * interval '1 minute', null, 0, n
      from generate_series(1, ${1.2 * TASKS}) n;
    insert into listing_v1.last_changes select id, updated_at, position from listing_v1.tasks;
    insert into listing_v1.task_states select id, status, completed_at from listing_v1.tasks;
    insert into listing_v1.access select owner_id, id, case when owner_id = assignee_id then 3 else 1 end, 'owner', created_at from listing_v1.tasks;
    insert into listing_v1.access select assignee_id, id, 2, 'edit', created_at from listing_v1.tasks where assignee_id <> owner_id;
    insert into listing_v1.counters select user_id, mask, 'state', ${stateKey}, count(*) from listing_v1.access join listing_v1.tasks on id = task_id group by 1, 2, 4;
    insert into listing_v1.counters select '00000000-0000-0000-0000-000000000000', 0, 'state', ${stateKey}, count(*) from listing_v1.tasks group by 4;`);
  await readSide.pool.query('vacuum analyze');
});
afterAll(() => readSide?.close());

const list = (more: Partial<TaskList> = {}): TaskList => ({
  reader: { id: ann, isAdmin: false },
  today: '2026-01-05',
  scope: 'all',
  filters: {},
  sort: { by: 'created_at', descending: true },
  ...more,
});
const everyone = list({ reader: { id: root, isAdmin: true }, scope: 'everyone' });
const firstPage: PageRequest = { by: 'page', page: 1, size: 25 };

/** What the reading of a page sent to the database. */
async function sent(tasks: TaskList, request: PageRequest): Promise<Statement[]> {
  const before = readSide.statements.length;
  await readSide.queries.listTasks(tasks, request);
  return readSide.statements.slice(before);
}

async function cursorBehind(tasks: TaskList, skip: number): Promise<PageRequest> {
  const { nextCursor } = await readSide.queries.listTasks(tasks, { by: 'skip', skip, size: 1 });
  return { by: 'cursor', cursor: nextCursor!, includeTotal: false, size: 25 };
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
}

async function planOf({ text, values }: Statement, options: string): Promise<PlanNode> {
  const generic = options === 'generic_plan';
  const { rows } = await readSide.pool.query(`explain (${options}, format json) ${text}`, generic ? [] : values);
  return rows[0]['QUERY PLAN'][0].Plan;
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

function scannedWhole(plan: PlanNode): string[] {
  return nodesOf(plan).flatMap((node) => (node['Node Type'] === 'Seq Scan' ? [node['Relation Name']!] : []));
}

describe('one statement a list', () => {
  test.each<[string, TaskList, PageRequest]>([
    ['the first page', list(), firstPage],
    [
      'a page of a filtered list, counted',
      list({ filters: { status: ['todo'], search: 'needle "what to"', assignee: { username: 'bob' } } }),
      firstPage,
    ],
    ['a page by rows skipped', list({ sort: { by: 'title', descending: false } }), { by: 'skip', skip: 30, size: 10 }],
    ["everybody's tasks", everyone, firstPage],
  ])('%s', async (_, tasks, request) => {
    expect(await sent(tasks, request)).toHaveLength(1);
  });

  test('a page by cursor, with or without the total', async () => {
    const request = await cursorBehind(list(), 10);
    expect(await sent(list(), request)).toHaveLength(1);
    expect(await sent(list(), { ...request, includeTotal: true } as PageRequest)).toHaveLength(1);
  });
});

describe.each([
  ['the own list', list(), 'access_created'],
  ["everybody's list", everyone, 'tasks_created'],
])('%s of many tasks', (_, tasks, index) => {
  test('walks an index and reads no table whole, at its beginning and deep in it, planned for these values or for any', async () => {
    const deep = await cursorBehind(tasks, 90_000);
    for (const request of [firstPage, deep]) {
      const [statement] = await sent(tasks, request);
      for (const options of ['analyze', 'generic_plan']) {
        const plan = await planOf(statement!, options);
        expect(scannedWhole(plan).filter((table) => table !== 'users')).toEqual([]);
        const walked = nodesOf(plan).find((node) => node['Index Name'] === index);
        expect(walked).toBeDefined();
        if (request === deep) expect(walked!['Index Cond']).toContain('ROW(');
      }
    }
  });

  test('costs the same wherever a cursor stands', async () => {
    const blocks = async (request: PageRequest) => {
      const [statement] = await sent(tasks, request);
      const plan = await planOf(statement!, 'analyze, buffers');
      return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    };
    const first = await blocks(firstPage);
    expect(first).toBeLessThan(400);
    expect(await blocks(await cursorBehind(tasks, 90_000))).toBeLessThanOrEqual(first * 1.2);
  });

  test('is planned once a connection', async () => {
    const [first] = await sent(tasks, firstPage);
    const [again] = await sent(tasks, firstPage);
    expect(first!.name).toBeDefined();
    expect(again).toEqual(first);
  });
});

describe.each([
  ['the own list', list()],
  ["everybody's list", everyone],
])('%s of many tasks, in another order', (_, tasks) => {
  test.each<[TaskSort, string]>([
    [{ by: 'due_date', descending: false }, 'tasks_due_first'],
    [{ by: 'due_date', descending: true }, 'tasks_due_last'],
    [{ by: 'priority', descending: true }, 'tasks_priority'],
    [{ by: 'title', descending: false }, 'tasks_title'],
    [{ by: 'updated_at', descending: true }, 'last_changes_updated'],
    [{ by: 'status', descending: false }, 'task_states_status'],
    [{ by: 'completed', descending: true }, 'task_states_completed'],
  ])('by %j walks its index, at its beginning and deep in it', async (sort, index) => {
    const sorted = { ...tasks, sort };
    for (const request of [firstPage, await cursorBehind(sorted, 90_000)]) {
      const [statement] = await sent(sorted, request);
      const plan = await planOf(statement!, 'analyze');
      expect(scannedWhole(plan).filter((table) => table !== 'users')).toEqual([]);
      const walked = nodesOf(plan).find((node) => node['Index Name'] === index);
      expect(walked).toBeDefined();
      if (request !== firstPage) expect(walked!['Index Cond']).toContain('ROW(');
    }
  });

  test.each<[string, TaskFilters, string]>([
    ['an owner', { owner: { id: md5Id(7) } }, 'tasks_owner'],
    ['an assignee', { assignee: { id: md5Id(7) } }, 'tasks_assignee'],
    ['a few days', { due: { after: '2026-03-01', before: '2026-03-02' } }, 'tasks_due_first'],
    ['an hour', { updated: { after: '2020-02-01T12:00:00.000Z', before: '2020-02-01T13:00:00.000Z' } }, 'last_changes_updated'],
  ])('of %s counts by an index', async (_name, filters, index) => {
    const [statement] = await sent({ ...tasks, filters }, firstPage);
    const plan = await planOf(statement!, 'analyze');
    expect(scannedWhole(plan)).not.toContain('tasks');
    expect(nodesOf(plan).map((node) => node['Index Name'])).toContain(index);
  });

  test.each<TaskFilters>([{ assignee: 'me' }, { owner: 'me' }, { assignee: 'none' }, { assignee: 'none', status: ['todo'] }])(
    'of %j is counted from what is kept',
    async (filters) => {
      const [statement] = await sent({ ...tasks, filters }, firstPage);
      const scanned = scannedWhole(await planOf(statement!, 'analyze'));
      expect(scanned.filter((table) => ['tasks', 'access'].includes(table))).toEqual([]);
    },
  );
});

/** One of the many whom a few tasks are of. */
function md5Id(n: number): string {
  const hex = createHash('md5').update(String(n)).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

test('a search for a rare word among many tasks begins with the text index', async () => {
  const [statement] = await sent(list({ filters: { search: 'needle' } }), firstPage);
  const nodes = nodesOf(await planOf(statement!, 'analyze'));
  expect(nodes.map((node) => node['Index Name'])).toContain('tasks_search');
});
