import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Subscriber, Unreachable } from '../../../src/subscribers/subscriber.ts';
import { openLog, places, quick, titleOf, until } from './follow-log.ts';
import { sink } from './sink.ts';

let log: Awaited<ReturnType<typeof openLog>>;
beforeEach(async () => {
  log = await openLog();
});
afterEach(() => log.close());

const EVENTS = 40;
const maxPageSize = 16;

async function write(): Promise<string> {
  const task = await log.create('0');
  for (let n = 1; n < EVENTS; n++) await log.rename(task, `${n}`);
  return task;
}

async function reached(): Promise<void> {
  const head = await log.store.head();
  const position = async () => BigInt((await log.pool.query('select position from subscribers.checkpoints')).rows[0].position);
  await until(async () => (await position()) >= head);
}

describe('the pages of a subscriber', () => {
  test('are as large as it wants them, and the checkpoint is moved behind each', async () => {
    const sizes: number[] = [];
    const checkpoints: number[] = [];
    const all = sink(
      'kafka',
      async (events) => {
        sizes.push(events.length);
        checkpoints.push(Number((await log.pool.query('select position from subscribers.checkpoints')).rows[0].position));
      },
      { maxPageSize },
    );
    await write();
    await log.start(all.subscriber);
    await reached();
    expect(sizes).toEqual([16, 16, 8]);
    expect(new Set(checkpoints).size).toBe(3);
  });

  test('go on behind the last event that was sent, where not all were', async () => {
    const sent: string[] = [];
    const partly: Subscriber = {
      name: 'kafka',
      startsAt: 'beginning',
      async send(events) {
        sent.push(...places(events.slice(0, 7)));
        return Math.min(events.length, 7);
      },
    };
    const task = await write();
    await log.start(partly);
    await reached();
    expect(sent).toEqual(Array.from({ length: EVENTS }, (_, revision) => `task-${task}@${revision}`));
  });

  test('are halved when one event fails, which alone is put aside, and grow again', async () => {
    const sizes: number[] = [];
    const all = sink(
      'kafka',
      (events) => {
        sizes.push(events.length);
        if (events.some((event) => titleOf(event) === 'Poison')) throw new Error('too large');
      },
      { maxPageSize },
    );
    const bad = await log.create();
    await log.rename(bad, 'Poison');
    await write();
    await log.start(all.subscriber);
    await reached();
    expect(sizes.slice(0, 9)).toEqual([16, 8, 4, 2, 1, 2, 1, 1, 1]);
    expect(sizes.slice(9)).toEqual([1, 2, 4, 8, 16, 9]);
    const { rows } = await log.pool.query('select stream, revision from subscribers.dead_letters');
    expect(rows).toEqual([{ stream: `task-${bad}`, revision: 1 }]);
  });

  test('are halved while the other side does not acknowledge them', async () => {
    const sizes: number[] = [];
    const slow = sink(
      'kafka',
      (events) => {
        sizes.push(events.length);
        if (events.length > 5) throw new Unreachable('not acknowledged in time');
      },
      { maxPageSize },
    );
    await write();
    await log.start(slow.subscriber);
    await reached();
    expect(sizes.slice(0, 3)).toEqual([16, 8, 4]);
    expect(slow.sent).toHaveLength(EVENTS);
    expect((await log.pool.query('select from subscribers.dead_letters')).rowCount).toBe(0);
  });

  test('are halved after the process ended in the middle of one', async () => {
    const sizes: number[] = [];
    const hangs = sink('kafka', () => new Promise(() => {}), { maxPageSize });
    await write();
    const first = await log.start(hangs.subscriber);
    const note = async () => (await log.pool.query('select attempted, attempts from subscribers.checkpoints')).rows[0];
    await until(async () => (await note()).attempts === 1);
    const { attempted } = await note();
    await first.stop();
    // As a process leaves it that is killed.
    await log.pool.query('update subscribers.checkpoints set attempted = $1, attempts = 1', [attempted]);
    const all = sink('kafka', (events) => void sizes.push(events.length), { maxPageSize });
    await log.start(all.subscriber);
    await reached();
    expect(sizes).toEqual([8, 8, 16, 8]);
  });

  test('are not blamed for the end of a process that only waited for the other side', async () => {
    const hangs = sink('kafka', () => new Promise(() => {}), { maxPageSize });
    await write();
    await log.start(hangs.subscriber, { timing: { ...quick, acquittedAfter: 10 } });
    const attempts = async () => (await log.pool.query('select attempts from subscribers.checkpoints')).rows[0].attempts;
    await until(async () => (await attempts()) === 1);
    await until(async () => (await attempts()) === 0);
  });
});
