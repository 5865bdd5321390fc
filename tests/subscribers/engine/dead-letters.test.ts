import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createDeadLetters, type DeadLetters } from '../../../src/subscribers/engine/dead-letters.ts';
import type { RunningSubscriber } from '../../../src/subscribers/engine/start-subscriber.ts';
import type { Subscriber } from '../../../src/subscribers/subscriber.ts';
import { openLog, places, titleOf, until } from './follow-log.ts';

let log: Awaited<ReturnType<typeof openLog>>;
let bad: Set<string>;
let sent: string[];
let picky: Subscriber;
let running: RunningSubscriber;
let deadLetters: DeadLetters;
const by = '0199d3a0-0000-7000-8000-00000000000a';

beforeEach(async () => {
  log = await openLog();
  bad = new Set();
  sent = [];
  picky = {
    name: 'picky',
    startsAt: 'beginning',
    async send(events) {
      for (const event of events) if (bad.has(titleOf(event) ?? '')) throw new Error(`${titleOf(event)} does not go down`);
      sent.push(...places(events));
    },
  };
  deadLetters = createDeadLetters({ pool: log.pool, wake: () => running.wake(), patience: 5_000 });
});
afterEach(() => log.close());

async function reached(): Promise<void> {
  const head = await log.store.head();
  await until(async () => BigInt((await log.pool.query('select position from subscribers.checkpoints')).rows[0].position) >= head);
}

const parked = async (): Promise<{ id: string; revision: number; state: string }[]> =>
  (await log.pool.query('select id, revision, state from subscribers.dead_letters order by stream, revision')).rows;

/** A task whose second and fifth events do not go down: behind the first of them, all wait. @returns its id, and that of the dead letter */
async function stuck(): Promise<{ task: string; letter: string }> {
  bad.add('b').add('e');
  const task = await log.create('a');
  for (const title of ['b', 'c', 'd', 'e', 'f']) await log.rename(task, title);
  running = await log.start(picky);
  await reached();
  expect((await parked()).map(({ revision, state }) => `${revision} ${state}`)).toEqual([
    '1 failed',
    '2 waiting',
    '3 waiting',
    '4 waiting',
    '5 waiting',
  ]);
  return { task, letter: (await parked())[0]!.id };
}

describe('what a subscriber could not handle', () => {
  test('is tried again when somebody says so, with what waits behind it, in order, up to the next that fails', async () => {
    const { task, letter } = await stuck();
    expect(await deadLetters.retry(letter)).toEqual({ outcome: 'failed', handled: 0, left: 5, failed: letter });
    bad.delete('b');
    const next = (await parked())[3]!.id;
    expect(await deadLetters.retry(letter)).toEqual({ outcome: 'failed', handled: 3, left: 2, failed: next });
    await log.rename(task, 'g');
    bad.clear();
    await until(async () => (await parked()).length === 3);
    expect(await deadLetters.retry(next)).toEqual({ outcome: 'handled', handled: 3, left: 0, failed: null });
    await log.rename(task, 'h');
    await reached();
    expect(sent).toEqual(Array.from({ length: 8 }, (_, revision) => `task-${task}@${revision}`));
    expect(await deadLetters.retry(next)).toBeNull();
  });

  test('is skipped when somebody says so, which is kept, and what waits behind it goes on', async () => {
    const { task, letter } = await stuck();
    const next = (await parked())[3]!.id;
    expect(await deadLetters.skip(letter, { reason: 'nobody needs it', by })).toEqual({
      outcome: 'failed',
      handled: 2,
      left: 2,
      failed: next,
    });
    expect(await deadLetters.skip(next, { reason: 'nor this', by })).toEqual({ outcome: 'handled', handled: 1, left: 0, failed: null });
    expect(sent).toEqual([0, 2, 3, 5].map((revision) => `task-${task}@${revision}`));
    const { rows } = await log.pool.query('select revision, error, reason, skipped_by from subscribers.skipped order by revision');
    expect(rows).toEqual([
      { revision: 1, error: 'b does not go down', reason: 'nobody needs it', skipped_by: by },
      { revision: 4, error: 'e does not go down', reason: 'nor this', skipped_by: by },
    ]);
    expect(await deadLetters.skip(letter, { reason: 'again', by })).toBeNull();
  });

  test('is decided on from an instance that is not the active one', async () => {
    const { letter } = await stuck();
    const other = createDeadLetters({ pool: log.pool, wake() {}, patience: 5_000 });
    bad.clear();
    expect(await other.retry(letter)).toMatchObject({ outcome: 'handled', handled: 5 });
  });

  test('waits for an active instance where there is none, and is said to be under way', async () => {
    const { letter } = await stuck();
    await log.stopAll();
    bad.clear();
    const hasty = createDeadLetters({ pool: log.pool, wake() {}, patience: 100 });
    expect(await hasty.retry(letter)).toEqual({ outcome: 'under_way', handled: 0, left: 5, failed: null });
    await log.start(picky);
    await until(async () => (await parked()).length === 0);
  });

  test('is not tried again by itself when the process ended while it was', async () => {
    const { letter } = await stuck();
    await log.stopAll();
    // As a process leaves it that ends in the middle.
    await log.pool.query(`update subscribers.dead_letters set state = 'handled' where id = $1`, [letter]);
    bad.clear();
    running = await log.start(picky);
    await until(async () => (await parked())[0]!.state === 'failed');
    const { rows } = await log.pool.query('select error from subscribers.dead_letters where id = $1', [letter]);
    expect(rows).toEqual([{ error: 'the process ended while it was handled' }]);
    expect(await deadLetters.retry(letter)).toMatchObject({ outcome: 'handled', handled: 5 });
  });
});
