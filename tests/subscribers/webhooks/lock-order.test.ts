import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { askedDeliveries } from '../../../src/subscribers/webhooks/asked-deliveries.ts';
import { runReplay } from '../../../src/subscribers/webhooks/replay.ts';
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

/** A replay of one event, whose queue has had others before. */
async function replayOf(webhookId: string, lane: string) {
  const event = { id: randomUUID(), stream: `task-${randomUUID()}`, revision: 0, type: 'TaskEdited' };
  const row = { position: '1', task_id: event.stream.slice('task-'.length), user_id: null, revision: 0 };
  const replay = runReplay({
    database: queued.database,
    queries: { readFeed: async () => ({ rows: [row], reached: 1n, more: false }) as never },
    store: { readEvents: async () => [event] as never },
    feedFollows: async () => {},
    queued: () => {},
  });
  await queued.pool.query('insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at) values ($1, $2, $3, 0, now())', [
    webhookId,
    lane,
    event.stream,
  ]);
  const data = { webhook_id: webhookId, lane, after: '0', until: '1' };
  const rest = { progress: { done: 0, save: async () => {} }, createdBy: null, signal: new AbortController().signal };
  return () => replay({ data, ...rest });
}

test.each(['after', 'before'])('a webhook is deleted %s an event is queued for it again, and neither ends the other', async (order) => {
  const id = await queued.webhook('http://127.0.0.1:1/');
  const lane = randomUUID();
  const before = await deadlocks(queued.pool);
  const works = [await replayOf(id, lane), () => queued.pool.query('delete from webhooks.webhooks where id = $1', [id])];
  if (order === 'before') works.reverse();
  const ends = await whileHeld(queued.pool, 'select from webhooks.queues where webhook_id = $1 for update', [id], works);
  expect([...fulfilled(ends), await deadlocks(queued.pool)]).toEqual(['fulfilled', 'fulfilled', before]);
  expect((await queued.pool.query('select from webhooks.queues')).rowCount).toBe(0);
});

test('a webhook is deleted while a test of it is asked for, which then finds none', async () => {
  const { id } = await claimed();
  const asked = askedDeliveries(
    queued.database,
    async () => {},
    () => {},
  );
  const before = await deadlocks(queued.pool);
  const ends = await whileHeld(queued.pool, holdDelivery, [id], [
    () => queued.pool.query('delete from webhooks.webhooks where id = $1', [id]),
    () => asked.test(randomUUID(), id),
  ]); // biome-ignore format: as a list
  expect([ends[0]!.status, await deadlocks(queued.pool)]).toEqual(['fulfilled', before]);
  expect(ends[1]).toMatchObject({ status: 'rejected', reason: { code: 'WEBHOOK_NOT_FOUND' } });
});

// The last of these: the owner of all webhooks here is gone afterwards.
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
