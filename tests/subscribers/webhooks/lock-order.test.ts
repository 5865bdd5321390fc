import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { deadlocks, whileHeld } from '../../support/while-held.ts';
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

const failed = { responseStatus: 500, error: 'answered 500', durationMs: 1 };
const holdDelivery = 'select from webhooks.deliveries where webhook_id = $1 order by number limit 1 for update';
const fulfilled = (ends: PromiseSettledResult<unknown>[]) => ends.map(({ status }) => status);

/** A webhook with a delivery that was claimed. */
async function claimed() {
  const id = await queued.webhook('http://127.0.0.1:1/');
  await queued.queue(id, 'task-a', 2);
  const [one] = await queued.table.claim(1, 60_000);
  return { id, one: one! };
}

test.each([
  ['is settled as failed', 'settle'],
  ['is postponed', 'postpone'],
] as const)('a webhook is deleted while a delivery of it %s, and neither ends the other', async (_, end) => {
  const { id, one } = await claimed();
  const before = await deadlocks(queued.pool);
  const ends = await whileHeld(queued.pool, holdDelivery, [id], [
    () => (end === 'settle' ? queued.table.settle(one, 'failed', failed) : queued.table.postpone(one, new Date(), failed)),
    () => queued.pool.query('delete from webhooks.webhooks where id = $1', [id]),
  ]); // biome-ignore format: as a list
  expect([...fulfilled(ends), await deadlocks(queued.pool)]).toEqual(['fulfilled', 'fulfilled', before]);
});

test('an account is erased while a delivery of its webhook is settled, and neither ends the other', async () => {
  const { id, one } = await claimed();
  const before = await deadlocks(queued.pool);
  const ends = await whileHeld(queued.pool, holdDelivery, [id], [
    () => queued.table.settle(one, 'failed', failed),
    () =>
      queued.pool.query(`
        update accounts.users set email = null, username = null, full_name = null, password_hash = null, is_active = false, erased_at = now()`),
  ]); // biome-ignore format: as a list
  expect([...fulfilled(ends), await deadlocks(queued.pool)]).toEqual(['fulfilled', 'fulfilled', before]);
  expect((await queued.pool.query('select from webhooks.queues')).rowCount).toBe(0);
});
