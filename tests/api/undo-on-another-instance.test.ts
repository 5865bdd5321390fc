import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
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
