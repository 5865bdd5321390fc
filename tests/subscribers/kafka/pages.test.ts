import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startBroker, type TestBroker } from '../../support/kafka-broker.ts';
import { openLog, quick, until } from '../engine/follow-log.ts';
import { idsIn, publisher, settingsFor } from './publish.ts';

let log: Awaited<ReturnType<typeof openLog>>;
let broker: TestBroker;
let close = () => {};
beforeEach(async () => {
  [log, broker] = await Promise.all([openLog(), startBroker()]);
});
afterEach(async () => {
  await log.close();
  close();
  await broker.stop();
});

const EVENTS = 500;
const MAX_REPEATS = 200;

async function write(events: number): Promise<void> {
  const task = await log.create('0');
  for (let n = 1; n < events; n++) await log.rename(task, '漢'.repeat(250) + n);
}

async function publish(): Promise<string[]> {
  const { subscriber, topic } = publisher(log, settingsFor([broker.address]));
  close = () => topic.close();
  await log.start(subscriber, { timing: quick });
  await until(() => new Set(idsIn(broker)).size === EVENTS, 60_000);
  return idsIn(broker);
}

describe('pages of messages', () => {
  test('are taken by a broker with its usual limit, whatever the script of titles', async () => {
    await write(EVENTS);
    expect(await publish()).toHaveLength(EVENTS);
    expect(Math.max(...broker.batches)).toBeLessThanOrEqual(524_288);
    expect(broker.batches).toHaveLength(Math.ceil(EVENTS / 200) + (broker.batches.length > 3 ? broker.batches.length - 3 : 0));
  });

  test('are halved for a broker that takes less', async () => {
    broker.maxBytes = 50_000;
    await write(EVENTS);
    expect((await publish()).length - EVENTS).toBeLessThanOrEqual(MAX_REPEATS);
    expect((await log.pool.query('select from subscribers.dead_letters')).rowCount).toBe(0);
    // Halved, not taken apart.
    expect(broker.batches.length).toBeLessThan(EVENTS / 4);
  });

  test.each([1, 2, 3])('come again once, at most 200 events, when the broker ends behind page %i', async (page) => {
    let pages = 0;
    broker.onProduce = async () => {
      if (++pages === page) throw new Error('the broker dies');
    };
    await write(EVENTS);
    expect((await publish()).length - EVENTS).toBeLessThanOrEqual(MAX_REPEATS);
  });
});
