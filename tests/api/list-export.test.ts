import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ann, aTask, bob, cid, taskId } from '../queries/given-tasks.ts';
import { type ReadServer, startReadServer } from './read-server.ts';

jest.setTimeout(60_000);

const MANY = 20_000;
let server: ReadServer;

beforeAll(async () => {
  server = await startReadServer({ poolMax: 4 });
  await server.tasks([
    aTask(1, {
      title: '=cmd()',
      description: 'a "b",\nc',
      tags: ['x', 'y'],
      due_date: '2999-01-01',
      updated_at: '2026-01-03T00:00:00.001Z',
    }),
    aTask(2, { title: 'Über', status: 'done', assignee_id: bob, shares: { [cid]: 'view' } }),
    ...Array.from({ length: 45 }, (_, n) => aTask(100 + n, { owner_id: cid })),
  ]);
  // Bob has many.
  await server.pool.query(`insert into listing_v1.tasks
      select gen_random_uuid(), 'Task ' || n, repeat('x', 1500), 'low', 'todo', null, null, '{}', '${bob}', null, true, '{}', 0, '{}', 0, now(), now(), null, 0, n
      from generate_series(1, ${MANY}) n;
    insert into listing_v1.access select owner_id, id, 1, 'owner', created_at from listing_v1.tasks where owner_id = '${bob}'`);
});
afterAll(() => server?.close());

describe('a list as CSV', () => {
  test('has a heading, a line a task, and nothing that a spreadsheet would run', async () => {
    const { status, headers, text } = await server.as('ann').get('/tasks?format=csv&sort_order=asc');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(headers.get('content-disposition')).toBe('attachment; filename="tasks.csv"');
    expect(headers.get('tasktrail-stale')).toBe('true');
    expect(text.split('\r\n')).toEqual([
      'id,title,description,status,priority,tags,due_date,completed,completed_at,overdue,owner,owner_id,assignee,assignee_id,permission,' +
        'share_count,comment_count,file_count,created_at,updated_at,deleted_at,revision',
      `${taskId(1)},"'=cmd()","a ""b"",\nc",todo,medium,"x,y",2999-01-01,false,,false,ann,${ann},,,owner,0,0,0,2026-01-02T03:01:00.000Z,2026-01-03T00:00:00.001Z,,0`,
      `${taskId(2)},Über,,done,medium,,,true,2026-01-02T03:02:00.000Z,false,ann,${ann},bob,${bob},owner,1,0,0,2026-01-02T03:02:00.000Z,2026-01-02T03:02:00.000Z,,0`,
      '',
    ]);
  });

  test('has only its heading when there is nothing', async () => {
    const { text } = await server.as('ann').get('/tasks?format=csv&status=blocked');
    expect(text).toMatch(/^id,title,[^\n]*,revision\r\n$/);
  });
});

describe('the form of a list', () => {
  const json = 'application/json; charset=utf-8';
  const csv = 'text/csv; charset=utf-8; header=present';
  const ndjson = 'application/x-ndjson';

  test.each<[string, string, number, string]>([
    ['', '*/*', 200, json],
    ['', 'application/json', 200, json],
    ['', 'text/csv', 200, csv],
    ['', 'application/x-ndjson, application/json;q=0.5', 200, ndjson],
    ['', 'text/html', 406, json],
    ['format=json', '*/*', 200, json],
    ['format=json', 'application/x-ndjson', 406, json],
    ['format=csv', '*/*', 200, csv],
    ['format=csv', 'text/csv;header=absent', 200, csv],
    ['format=csv', 'application/json', 406, json],
    ['format=csv', 'application/json, text/csv;q=0.1', 200, csv],
    ['format=ndjson', 'application/*', 200, ndjson],
    ['format=ndjson', 'text/csv', 406, json],
    ['page=2', 'text/csv', 422, json],
    ['page=2', 'application/json, text/csv', 200, json],
  ])('with %j and Accept: %s is %i %s', async (query, accept, status, type) => {
    for (const path of ['/tasks', '/activity', '/tasks/shared-with-me']) {
      const answer = await server.as('cid').get(`${path}?${query}`, { Accept: accept });
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([path, status, type]);
    }
  });
});

describe('a list as NDJSON', () => {
  test('has each task in a line, all of them whatever the page size, in the order of the list', async () => {
    const { headers, text } = await server.as('cid').get('/tasks?format=ndjson&per_page=10&scope=owned');
    expect(headers.get('content-type')).toBe('application/x-ndjson');
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(45);
    const { body } = await server.as('cid').get('/tasks?per_page=100&scope=owned');
    expect(lines.map((line) => JSON.parse(line))).toEqual(body.items);
  });

  test('obeys filters and who may see what', async () => {
    const { text } = await server.as('ann').get('/tasks?format=ndjson&assignee=bob');
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).title),
    ).toEqual(['Über']);
    expect((await server.as('ann').get('/tasks?format=ndjson&scope=everyone')).status).toBe(403);
  });

  test('is empty when there is nothing', async () => {
    const { status, text } = await server.as('ann').get('/tasks?format=ndjson&status=blocked');
    expect([status, text]).toEqual([200, '']);
  });
});

describe('a long stream', () => {
  test('is whole', async () => {
    const { text } = await server.as('bob').get('/tasks?format=ndjson&scope=owned');
    expect(new Set(text.trimEnd().split('\n')).size).toBe(MANY);
  });

  test('reads on only as fast as the client takes it, and ends when the client goes', async () => {
    const reading = await open('/tasks?format=ndjson');
    const fetched = () => server.statements.filter(({ text }) => text.startsWith('fetch ')).length;
    await until(async () => {
      const before = fetched();
      await pause(300);
      return fetched() === before;
    });
    const so = server.statements.findLastIndex(({ text }) => text.startsWith('begin'));
    const batches = server.statements.slice(so).filter(({ text }) => text.startsWith('fetch ')).length;
    expect(batches).toBeGreaterThan(0);
    expect(batches).toBeLessThan(MANY / 500 / 2);
    expect(await streaming()).toBe(1);
    reading.destroy();
    await until(async () => (await streaming()) === 0);
    expect(server.errors).toEqual([]);
  });

  test('is one of two that a user may have, and others find a place for theirs', async () => {
    const streams = [await open('/tasks?format=ndjson'), await open('/tasks?format=csv')];
    const { status, body } = await server.as('bob').get('/tasks?format=csv');
    expect([status, body.error.code, body.error.details]).toEqual([409, 'LIMIT_REACHED', [{ limit: 2 }]]);
    expect((await server.as('bob').get('/tasks')).status).toBe(200);
    expect((await server.as('ann').get('/tasks?format=csv')).status).toBe(200);
    for (const each of streams) each.destroy();
    await until(async () => (await server.as('bob').get('/activity?format=csv')).status === 200);
  });

  test('waits for a place, and is a 503 when none becomes free', async () => {
    const others = [
      await open('/tasks?format=ndjson'),
      await open('/tasks?format=csv'),
      await open('/tasks?format=csv&scope=everyone', 'root'),
    ];
    const { status, headers, body } = await server.as('ann').get('/tasks?format=csv');
    expect([status, body.error.code]).toEqual([503, 'OVERLOADED']);
    expect(headers.get('retry-after')).toMatch(/^\d+$/);
    const waiting = server.as('ann').get('/tasks?format=csv');
    others[0]!.destroy();
    expect((await waiting).status).toBe(200);
    for (const each of others) each.destroy();
  });
});

/** Begins to read a list, and takes nothing but the head of the answer. */
function open(path: string, username = 'bob') {
  return new Promise<ReturnType<typeof request>>((resolve, reject) => {
    const asking = request(`${server.url}/api/v1${path}`, { headers: { authorization: `Bearer ${username}` } }, (answer) => {
      answer.on('error', () => {});
      resolve(asking);
    });
    asking.on('error', reject);
    asking.end();
  });
}

/** Connections in the middle of a stream. */
async function streaming(): Promise<number> {
  const { rows } = await server.pool.query(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
  );
  return rows[0].n;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('It did not come to that within ten seconds');
    await pause(50);
  }
}
