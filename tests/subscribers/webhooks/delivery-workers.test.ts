import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Received, type Receiver, startReceiver } from '../../support/webhook-receiver.ts';
import { type Queued, quick, startQueued } from './queued.ts';

let queued: Queued;
const receivers: Receiver[] = [];

beforeAll(async () => {
  queued = await startQueued();
});
afterEach(async () => {
  await queued.rest();
  await Promise.all(receivers.splice(0).map((receiver) => receiver.stop()));
  await queued.pool.query('truncate webhooks.webhooks cascade');
});
afterAll(async () => {
  await queued?.close();
});

const receiver = async (answer?: Receiver['answer']) => {
  const one = await startReceiver();
  if (answer) one.answer = answer;
  receivers.push(one);
  return one;
};
const answers =
  (status: number, headers: Record<string, string> = {}): Receiver['answer'] =>
  (_, response) =>
    void response.writeHead(status, headers).end();
const never: Receiver['answer'] = () => {};

/** The revisions of each stream in the order in which they came; what came again counts once. */
function orders(received: readonly Received[]): Record<string, number[]> {
  const orders: Record<string, number[]> = {};
  for (const { event } of received) {
    const order = orders[event.stream] ?? [];
    orders[event.stream] = order.includes(event.revision) ? order : [...order, event.revision];
  }
  return orders;
}

describe('what is queued', () => {
  test('is delivered in the order of each stream, though three instances send and the receiver fails at random', async () => {
    const seen = new Map<string, number>();
    const wrong: string[] = [];
    const there = await receiver(({ event: { stream, revision } }, response) => {
      if (Math.random() < 0.2) return void response.writeHead(500).end();
      const last = seen.get(stream) ?? -1;
      if (revision !== last + 1) wrong.push(`${stream}: ${revision} behind ${last}`);
      seen.set(stream, revision);
      setTimeout(() => response.writeHead(200).end(), Math.random() * 5);
    });
    const id = await queued.webhook(there.url);
    for (let n = 0; n < 3; n++) queued.workers();
    const streams = Array.from({ length: 12 }, (_, n) => `task-${n}`);
    // Some while others are under way.
    for (const from of [0, 5, 10]) await Promise.all(streams.map((stream) => queued.queue(id, stream, 5, { from })));
    const all = await queued.settled(id);
    expect(all).toHaveLength(180);
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set(['delivered']));
    expect(wrong).toEqual([]);
    expect([...seen.values()]).toEqual(streams.map(() => 14));
    // Each once, but for those that were answered 500.
    expect(there.received.length).toBe(all.reduce((sum, { attempts }) => sum + attempts, 0));
    const { rows } = await queued.pool.query('select waiting, due_at from webhooks.queues where webhook_id = $1', [id]);
    expect(rows).toEqual(streams.map(() => ({ waiting: 0, due_at: Number.POSITIVE_INFINITY })));
  });

  test('of another stream is not held back by one that fails, and what is behind it comes when it is well again', async () => {
    let isWell = false;
    const there = await receiver(({ event }, response) => void response.writeHead(event.stream === 'task-a' && !isWell ? 500 : 200).end());
    const id = await queued.webhook(there.url);
    queued.workers();
    await queued.queue(id, 'task-a', 3);
    await there.until(2);
    await queued.queue(id, 'task-b', 20);
    await there.until(20, ({ event }) => event.stream === 'task-b');
    expect(orders(there.received)['task-a']).toEqual([0]);
    const [first, second] = await queued.deliveries(id);
    expect(first).toMatchObject({ status: 'waiting', response_status: 500, error: 'answered 500' });
    expect(second).toMatchObject({ status: 'waiting', attempts: 0 });
    isWell = true;
    await queued.settled(id);
    expect(orders(there.received)['task-a']).toEqual([0, 1, 2]);
  });

  test('for one receiver is not delayed by others that are slow, dead or hang', async () => {
    const [slow, hanging, well] = await Promise.all([
      receiver(never),
      receiver((_, response) => void response.writeHead(200).write('…')),
      receiver(),
    ]);
    const gone = await startReceiver();
    await gone.stop();
    queued.workers({ timing: { answerWithin: 60_000 } });
    const others = await Promise.all([slow!, gone].map(({ url }) => queued.webhook(url)));
    const [bodyless, quickly] = await Promise.all([hanging!, well!].map(({ url }) => queued.webhook(url)));
    for (const id of others) for (let n = 0; n < 30; n++) await queued.queue(id, `task-${n}`, 5);
    const since = performance.now();
    for (let n = 0; n < 20; n++) await queued.queue(quickly!, `task-${n}`, 2);
    await queued.queue(bodyless!, 'task-x', 3);
    await well!.until(40);
    await queued.settled(bodyless!);
    expect(performance.now() - since).toBeLessThan(5_000);
    expect(slow!.received.length).toBeLessThanOrEqual(8);
  });

  test('is taken up by another instance when the one that took it does not come back, and a late word of that one changes nothing', async () => {
    const there = await receiver();
    const id = await queued.webhook(there.url);
    await queued.queue(id, 'task-a', 2);
    const [frozen] = await queued.table.claim(10, 1);
    expect(frozen).toMatchObject({ stream: 'task-a', revision: 0, attempts: 1 });
    await pause(5);
    const [taken] = await queued.table.claim(10, 60_000);
    expect(taken).toMatchObject({ number: frozen!.number, attempts: 2 });
    const attempt = { responseStatus: 500, error: 'answered 500', durationMs: 1 };
    await queued.table.settle(frozen!, 'failed', attempt);
    await queued.table.postpone(frozen!, new Date(0), attempt);
    await queued.table.release(frozen!, 0);
    expect(await queued.table.claim(10, 60_000)).toEqual([]);
    expect((await queued.deliveries(id))[0]).toMatchObject({ status: 'waiting', response_status: null });
    await queued.table.settle(taken!, 'delivered', { responseStatus: 200, error: null, durationMs: 1 });
    queued.workers();
    expect((await queued.settled(id)).map(({ status }) => status)).toEqual(['delivered', 'delivered']);
  });
});

describe('an answer', () => {
  test.each([200, 201, 202, 204, 299])('of %i is a success', async (status) => {
    const id = await queued.webhook((await receiver(answers(status))).url);
    queued.workers();
    await queued.queue(id, 'task-a', 1);
    expect(await queued.settled(id)).toMatchObject([{ status: 'delivered', attempts: 1, response_status: status, error: null }]);
  });

  test('that redirects is a failure, and not followed', async () => {
    const inside = await receiver();
    const there = await receiver(answers(308, { location: inside.url }));
    const id = await queued.webhook(there.url);
    queued.workers();
    await queued.queue(id, 'task-a', 1);
    await there.until(2);
    expect(inside.received).toEqual([]);
    expect(await queued.deliveries(id)).toMatchObject([{ status: 'waiting', error: 'answered 308: redirects are not followed' }]);
  });

  test('of 410 disables at once; what waits is cancelled', async () => {
    const there = await receiver(answers(410));
    const id = await queued.webhook(there.url);
    await queued.queue(id, 'task-a', 2);
    await queued.queue(id, 'task-b', 1);
    queued.workers();
    const all = await queued.settled(id);
    expect(queued.disabled.get(id)).toBe('gone');
    expect(all.filter(({ status }) => status === 'failed').length).toBeGreaterThanOrEqual(1);
    expect(all[1]).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect(there.received.length).toBeLessThanOrEqual(2);
  });

  test('that does not come in time is none', async () => {
    const there = await receiver(never);
    const id = await queued.webhook(there.url);
    queued.workers({ timing: { answerWithin: 50 } });
    await queued.queue(id, 'task-a', 1);
    await there.until(2);
    expect(await queued.deliveries(id)).toMatchObject([{ status: 'waiting', response_status: null, error: 'no answer within 0.05 s' }]);
  });

  test('with Retry-After is asked again then', async () => {
    const there = await receiver(answers(503, { 'retry-after': '3600' }));
    const id = await queued.webhook(there.url);
    queued.workers({ schedule: { ...quick, giveUpAfter: 86_400_000 } });
    await queued.queue(id, 'task-a', 1);
    await there.until(1);
    await queued.rest();
    const [{ next_attempt_at: next, last_attempt_at: last }] = (await queued.deliveries(id)) as [
      Awaited<ReturnType<Queued['deliveries']>>[number],
    ];
    expect((next!.getTime() - last!.getTime()) / 1000).toBeGreaterThan(3_590);
    expect((next!.getTime() - last!.getTime()) / 1000).toBeLessThan(3_620);
  });

  test('that never comes for a day disables, and not before', async () => {
    const there = await receiver(answers(500));
    const id = await queued.webhook(there.url);
    queued.workers({ schedule: { ...quick, giveUpAfter: 400 } });
    await queued.queue(id, 'task-a', 2);
    const all = await queued.settled(id);
    expect(queued.disabled.get(id)).toBe('unreachable for a day');
    expect(all).toMatchObject([{ status: 'failed' }, { status: 'cancelled', attempts: 0 }]);
    const [{ first_attempt_at: first, settled_at: settled, attempts }] = all as [(typeof all)[number]];
    expect(settled!.getTime() - first!.getTime()).toBeGreaterThanOrEqual(399);
    expect(attempts).toBeGreaterThanOrEqual(3);
  });
});

test('what was asked for by itself is tried once, whether or not the webhook is active', async () => {
  const there = await receiver(answers(500));
  const id = await queued.webhook(there.url);
  await queued.pool.query('update webhooks.webhooks set active = false where id = $1', [id]);
  queued.workers();
  await queued.queue(id, 'webhook-x', 1, { once: true, kind: 'test' });
  await queued.queue(id, 'task-x', 1, { once: true, kind: 'redelivery' });
  await queued.queue(id, 'task-y', 1);
  await there.until(2);
  await queued.upkeep.cancelSome(id);
  expect((await queued.settled(id)).map(({ status, attempts }) => [status, attempts])).toEqual([['failed', 1], ['failed', 1], ['cancelled', 0]]); // biome-ignore format: short
  expect(queued.disabled.has(id)).toBe(false);
});

test('what cannot be made ready is tried again, and delays nothing else', async () => {
  const there = await receiver();
  const id = await queued.webhook(there.url);
  queued.workers({
    render: async ({ stream, revision }) => {
      if (stream === 'task-bad') throw new Error('no such event');
      return { stream, revision } as never;
    },
  });
  await queued.queue(id, 'task-bad', 1);
  await queued.queue(id, 'task-good', 5);
  await there.until(5);
  expect((await queued.deliveries(id))[0]).toMatchObject({ status: 'waiting' });
  expect(JSON.stringify(queued.log.lines)).toContain('could not be made ready');
});

test('a stop lets what is under way end, and gives the rest back', async () => {
  const there = await receiver(never);
  const id = await queued.webhook(there.url);
  queued.workers({ timing: { answerWithin: 60_000 } });
  await queued.queue(id, 'task-a', 1);
  await there.until(1);
  const since = performance.now();
  await queued.rest();
  expect(performance.now() - since).toBeLessThan(3_000);
  there.answer = answers(200);
  queued.workers();
  expect(await queued.settled(id)).toMatchObject([{ status: 'delivered', attempts: 2 }]);
});

test('what was settled long ago is forgotten, and nothing else', async () => {
  const there = await receiver();
  const id = await queued.webhook(there.url);
  queued.workers();
  await queued.queue(id, 'task-a', 3);
  await queued.settled(id);
  await queued.pool.query(`update webhooks.deliveries set settled_at = now() - interval '31 days' where webhook_id = $1 and revision < 2`, [
    id,
  ]);
  await queued.upkeep.cleanUp(30);
  expect((await queued.deliveries(id)).map(({ revision }) => revision)).toEqual([2]);
  await queued.queue(id, 'task-a', 1, { from: 3 });
  expect(await queued.settled(id)).toHaveLength(2);
});
