import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { webhookHealth } from '../../../src/subscribers/webhooks/observe.ts';
import { type Queued, startQueued } from './queued.ts';

let queued: Queued;
beforeAll(async () => {
  queued = await startQueued();
});
afterEach(async () => {
  await queued.pool.query('truncate webhooks.webhooks cascade');
});
afterAll(async () => {
  await queued?.close();
});

const health = () => webhookHealth(queued.table);
/** A webhook with so many queues, due for two minutes. */
async function due(queues: number): Promise<string> {
  const id = await queued.webhook('http://127.0.0.1:1/');
  for (let n = 0; n < queues; n++) await queued.queue(id, `task-${n}`, 1);
  await queued.pool.query(`update webhooks.queues set due_at = now() - interval '2 minutes' where webhook_id = $1`, [id]);
  return id;
}

test('is degraded when workers take up nothing, and healthy again when they do', async () => {
  await due(2);
  const late = await health();
  expect([late.status, late.waiting]).toEqual(['degraded', 2]);
  expect(late.overdue_seconds).toBeGreaterThanOrEqual(119);
  expect(await queued.table.claim(10, 60_000)).toHaveLength(2);
  expect(await health()).toMatchObject({ status: 'healthy', overdue_seconds: 0 });
});

test('is healthy although a receiver hangs: what waits behind as many deliveries as its webhook may have is not late', async () => {
  await due(20);
  expect(await queued.table.claim(256, 60_000)).toHaveLength(8);
  expect(await health()).toMatchObject({ status: 'healthy', waiting: 20, overdue_seconds: 0 });
});

test('is healthy although one owner has as many deliveries under way as an owner may have', async () => {
  for (let n = 0; n < 6; n++) await due(8);
  const claimed = await queued.table.claim(256, 60_000);
  expect(claimed).toHaveLength(32);
  // The first of every webhook before the ninth of any.
  expect(new Set(claimed.map(({ webhookId }) => webhookId)).size).toBe(6);
  expect(await health()).toMatchObject({ status: 'healthy', overdue_seconds: 0 });
});

test('is healthy although a receiver fails, or its webhook is served one delivery after another', async () => {
  const failing = await due(1);
  await queued.pool.query('update webhooks.webhooks set failures = 3 where id = $1', [failing]);
  expect(await health()).toMatchObject({ status: 'healthy', failing: 1, overdue_seconds: 0 });
  await queued.pool.query('delete from webhooks.webhooks where id = $1', [failing]);
  await due(3);
  const [one] = await queued.table.claim(1, 60_000);
  await queued.table.settle(one!, 'delivered', { responseStatus: 204, error: null, durationMs: 1 });
  expect((await health()).status).toBe('healthy');
});

test('places are left to others by an owner of many webhooks with many deliveries each', async () => {
  for (let n = 0; n < 20; n++) await due(8);
  const [other] = (
    await queued.pool.query(
      `insert into accounts.users (id, email, username, full_name, password_hash, role, created_at, log_revision)
       values (gen_random_uuid(), 'other@tasks.test', 'other', '', '-', 'user', now(), 0) returning id`,
    )
  ).rows;
  const theirs = await queued.webhook('http://127.0.0.1:1/');
  await queued.pool.query('update webhooks.webhooks set user_id = $2 where id = $1', [theirs, other.id]);
  await queued.queue(theirs, 'task-theirs', 1);
  const first = await queued.table.claim(2, 60_000);
  expect(first.map(({ webhookId }) => webhookId)).toContain(theirs);
  expect(await queued.table.claim(256, 60_000)).toHaveLength(31);
  await queued.pool.query('delete from accounts.users where id = $1', [other.id]);
});
