import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { type Client, createClient, type Reply, startTestService, type TestService } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';

const MANY = 12;
let service: TestService;
let other: Weakened;
let pool: pg.Pool;
let ann: Client;
let annThere: Client;

beforeAll(async () => {
  service = await startTestService();
  other = await startWeakened(service);
  pool = new pg.Pool({ connectionString: service.connectionString, max: 1 });
  ann = await service.someone('ann');
  annThere = createClient(other.url, ann.token);
}, 60_000);
afterAll(async () => {
  await pool?.end();
  await other?.stop();
  await service?.stop();
});

/** While this holds, no instance moves the read model of the activity. */
async function holdActivity(): Promise<() => Promise<void>> {
  const client = await pool.connect();
  await client.query(`begin; select from projections.generations where name = 'activity' for update`);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

async function runOf(priority: string): Promise<{ operation_id: string }> {
  const created = await Promise.all(Array.from({ length: MANY }, (_, n) => ann.post('/tasks', { title: `Task ${n}` })));
  const task_ids = created.map(({ body }) => body.id);
  const changed: Reply = await ann.patch('/tasks/bulk', { task_ids, updates: { priority } });
  return { operation_id: changed.headers.get('tasktrail-operation')! };
}

test('the undo of a run that another instance has just written is refused while its tasks are not known, and takes all of them after', async () => {
  const release = await holdActivity();
  const run = await runOf('high');
  const refused = await annThere.post('/activity/undo', run);
  expect([refused.status, refused.body.error.code, refused.body.error.details]).toEqual([
    503,
    'DEPENDENCY_UNAVAILABLE',
    [{ part: 'projector' }],
  ]);
  const dry = await annThere.post('/activity/undo', { ...run, dry_run: true });
  expect(dry.status).toBe(503);
  await release();
  const undone = await annThere.post('/activity/undo', run);
  expect([undone.status, undone.body.total, undone.body.undone]).toEqual([200, MANY, MANY]);
}, 30_000);

test('without the wait it takes none of them, and says so as if there were none', async () => {
  await other.without('the undo of a run waits for the log');
  const release = await holdActivity();
  const run = await runOf('low');
  const undone = await annThere.post('/activity/undo', run);
  await release();
  expect([undone.status, undone.body.total]).toEqual([200, 0]);
}, 30_000);

/** A job that undoes a run of Ann's, as one of more than 500 tasks would be queued. */
async function startJob({ operation_id: operationId }: { operation_id: string }): Promise<string> {
  const actor = { id: ann.id, isAdmin: false, kind: 'user' };
  const input = { run: { operationId, by: ann.id }, actor, operationId: randomUUID(), requestId: 'in-a-job' };
  const client = new pg.Client({ connectionString: service.connectionString });
  await client.connect();
  const { rows } = await client
    .query(`insert into pgboss.job (name, data) values ('undo', $1) returning id`, [{ input, createdBy: ann.id }])
    .finally(() => client.end());
  return rows[0].id;
}

const jobs = (ids: readonly string[]) =>
  Promise.all(
    ids.map(async (id) => (await ann.send('GET', `/async/tasks/${id}`)).body as { status: string; result: { total: number } | null }),
  );
const totals = async (ids: readonly string[]) => (await jobs(ids)).map(({ result }) => result?.total ?? null);
const haveBegun = (all: readonly { status: string }[]) => all.every(({ status }) => status !== 'queued');

test('the job of an undo waits, on each instance, until the whole run is known', async () => {
  await other.without();
  const release = await holdActivity();
  const ids = [await startJob(await runOf('high')), await startJob(await runOf('low'))];
  await eventually(() => jobs(ids), haveBegun);
  // Longer than an undo waits that is not a job.
  await pause(2_500);
  expect((await jobs(ids)).map(({ status }) => status)).toEqual(['running', 'running']);
  await release();
  expect(
    await eventually(
      () => totals(ids),
      (all) => !all.includes(null),
    ),
  ).toEqual([MANY, MANY]);
}, 30_000);

test('without the wait the job of an undo takes nothing, and says it has succeeded', async () => {
  await other.without('the job of an undo waits for the log');
  const release = await holdActivity();
  const ids = [await startJob(await runOf('high')), await startJob(await runOf('low'))];
  try {
    expect(
      (
        await eventually(
          () => totals(ids),
          (all) => all.includes(0),
        )
      ).sort(),
    ).toContain(0);
  } finally {
    await release();
  }
}, 30_000);
