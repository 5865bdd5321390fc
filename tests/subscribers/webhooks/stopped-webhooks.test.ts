import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { claim } from '../../../src/subscribers/webhooks/delivery-table.ts';
import { cancelSome, type DeliveryUpkeep, expediteSome } from '../../../src/subscribers/webhooks/delivery-upkeep.ts';
import { startFollowUps } from '../../../src/subscribers/webhooks/follow-ups.ts';
import { keptLog } from '../../accounts/support.ts';
import { rowsRead } from '../../support/rows-read.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';
import { type Queued, startQueued } from './queued.ts';

let queued: Queued;

beforeAll(async () => {
  queued = await startQueued();
});
afterEach(async () => {
  await queued.rest();
  await queued.pool.query('truncate webhooks.webhooks cascade');
});
afterAll(async () => {
  await queued?.close();
});

const nowhere = 'http://127.0.0.1:1/';

/** A webhook with a number of queues, in each of which two deliveries wait. */
async function backlog(queues: number, due = 'now()'): Promise<string> {
  const id = await queued.webhook(nowhere);
  await queued.pool.query(
    `insert into webhooks.deliveries (webhook_id, event_id, stream, revision, type)
     select $1, gen_random_uuid(), 'task-' || n, r, 'tasktrail.task.edited.v1' from generate_series(1, $2) n, generate_series(0, 1) r`,
    [id, queues],
  );
  await queued.pool.query(
    `insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at)
     select $1, '00000000-0000-0000-0000-000000000000', 'task-' || n, 2, ${due} from generate_series(1, $2) n`,
    [id, queues],
  );
  await queued.pool.query('analyze webhooks.queues; analyze webhooks.deliveries; analyze webhooks.webhooks');
  return id;
}
const stop = (id: string) => queued.pool.query('update webhooks.webhooks set active = false where id = $1', [id]);
const counts = async (id: string) =>
  (await queued.pool.query('select status, count(*)::integer from webhooks.deliveries where webhook_id = $1 group by 1 order by 1', [id]))
    .rows;
const followUps = (upkeep: DeliveryUpkeep) =>
  startFollowUps({ upkeep, log: keptLog(), onDue: () => {}, disableExpired: async () => {}, retryAfterMs: 5 });
const eventually = async (holds: () => Promise<boolean>) => {
  for (const end = performance.now() + 10_000; !(await holds()); await pause(10))
    if (performance.now() > end) throw new Error('it never came');
};

describe('each statement over deliveries reads rows in proportion to what it changes', () => {
  const statements = {
    cancellation: { text: cancelSome, values: (id: string) => [id, 500], prepare: stop, due: 'now()' },
    expedition: { text: expediteSome, values: (id: string) => [id, 500], prepare: async () => {}, due: `now() + interval '1 hour'` },
    claim: { text: claim, values: () => [256, 30_000, 8, 2, 32], prepare: async () => {}, due: 'now()' },
    'claim beside a stopped webhook': { text: claim, values: () => [256, 30_000, 8, 2, 32], prepare: stop, due: 'now()' },
  };
  test.each(Object.entries(statements))(
    '%s',
    async (_, { text, values, prepare, due }) => {
      const read: number[] = [];
      for (const queues of [1_000, 4_000]) {
        await queued.pool.query('truncate webhooks.webhooks cascade');
        const id = await backlog(queues, due);
        await prepare(id);
        read.push(await rowsRead(queued.pool, text, values(id)));
      }
      expect(read[1]).toBeLessThanOrEqual(4 * read[0]! + 10);
      // A chunk costs the same whatever the backlog.
      expect(read[1]).toBeLessThan(10_000);
    },
    60_000,
  );
});

test('what waits for a webhook that another instance stopped is cancelled to the last delivery, and nothing of another webhook', async () => {
  const [stopped, other] = [await backlog(1_200), await backlog(3)];
  await stop(stopped);
  const inBackground = followUps(queued.upkeep);
  await eventually(async () => (await counts(stopped)).every(({ status }) => status === 'cancelled'));
  await inBackground.close();
  expect([await counts(stopped), await counts(other)]).toEqual([
    [{ status: 'cancelled', count: 2_400 }],
    [{ status: 'waiting', count: 6 }],
  ]);
  const { rows } = await queued.pool.query('select distinct waiting, due_at from webhooks.queues where webhook_id = $1', [stopped]);
  expect(rows).toEqual([{ waiting: 0, due_at: Number.POSITIVE_INFINITY }]);
});

test('a cancellation that fails is tried again, and another webhook is not held up', async () => {
  const [first, second] = [await backlog(1), await backlog(1)];
  await stop(first);
  await stop(second);
  let failures = 3;
  const inBackground = followUps({
    ...queued.upkeep,
    async cancelSome(id) {
      if (id === first && failures-- > 0) throw new Error('the database is away');
      return queued.upkeep.cancelSome(id);
    },
  });
  inBackground.cancel(first);
  inBackground.cancel(second);
  for (const id of [first, second]) await eventually(async () => (await counts(id))[0].status === 'cancelled');
  await inBackground.close();
});

test('what waited when a webhook was stopped is cancelled although it is active again before that was done', async () => {
  const there = await startReceiver();
  const id = await queued.webhook(there.url);
  await queued.queue(id, 'task-a', 2);
  await stop(id);
  await queued.pool.query(`update webhooks.webhooks set active = true, activated_at = now() + interval '1 millisecond' where id = $1`, [
    id,
  ]);
  await pause(5);
  await queued.queue(id, 'task-a', 1, { from: 2 });
  expect(await queued.upkeep.cancelSome(id)).toBe(false);
  queued.workers();
  const all = await queued.settled(id);
  await there.stop();
  expect(all.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'delivered']);
  expect(there.received.map(({ event }) => event.revision)).toEqual([2]);
});

test('a worker cancels what waited before a reactivation where the cancellation has not come to it', async () => {
  const there = await startReceiver();
  const id = await queued.webhook(there.url);
  await queued.queue(id, 'task-a', 2);
  await queued.pool.query(`update webhooks.webhooks set activated_at = now() + interval '1 millisecond' where id = $1`, [id]);
  await pause(5);
  queued.workers();
  const all = await queued.settled(id);
  await there.stop();
  expect([all.map(({ status }) => status), there.received]).toEqual([['cancelled', 'cancelled'], []]);
});
