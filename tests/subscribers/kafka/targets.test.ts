import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resumeAfter } from '../../../src/subscribers/engine/resume.ts';
import type { RunningSubscriber } from '../../../src/subscribers/engine/start-subscriber.ts';
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

const TOPIC = 'tasktrail.events';
const EVENTS = 12;

async function write(events: number): Promise<void> {
  const task = await log.create('0');
  for (let n = 1; n < events; n++) await log.rename(task, `${n}`);
}

async function start(topic = TOPIC): Promise<RunningSubscriber> {
  const { subscriber, topic: open } = publisher(log, settingsFor([broker.address], { topic }));
  close = () => open.close();
  return log.start(subscriber, { timing: { ...quick, checkEvery: 50 } });
}

/** A topic with all events, and the service running. */
async function published(): Promise<RunningSubscriber> {
  await write(EVENTS);
  const running = await start();
  await until(() => idsIn(broker).length === EVENTS && running.status().state === 'live');
  return running;
}

const warnings = () =>
  log.lines.map((line) => JSON.parse(line)).filter(({ level }) => level !== 'info') as { level: string; message: string }[];
const resume = (after: 'head' | 'beginning') => resumeAfter(log.pool, log.store, { name: 'kafka', after, by: 'the operator' });

describe('a topic that lost what was published', () => {
  test('is published to from the first event when it is deleted while the service runs, and one warning names it', async () => {
    await published();
    broker.topics.delete(TOPIC);
    // The log is quiet: nothing is sent that would find it.
    await until(() => new Set(idsIn(broker)).size === EVENTS);
    expect(warnings()).toEqual([expect.objectContaining({ level: 'warn', message: expect.stringContaining(TOPIC) })]);
  });

  test('is published to from the first event when another has made it again at once', async () => {
    await published();
    await log.stopAll();
    broker.topics.set(TOPIC, [[], []]);
    await start();
    await until(() => new Set(idsIn(broker)).size === EVENTS);
    expect(warnings()).toEqual([expect.objectContaining({ level: 'warn' })]);
  });

  test('stops the subscriber when a partition ends before what was acknowledged, until an operator says from where', async () => {
    const running = await published();
    const partition = broker.topics.get(TOPIC)!.find((ids) => ids.length > 1)!;
    partition.length = 1;
    await until(() => running.status().state === 'stopped');
    expect(running.status().error).toMatch(/has lost messages.*resume-subscriber -- kafka --after beginning, or --after head/);
    expect(warnings()).toHaveLength(1);
    await resume('beginning');
    await until(() => running.status().state === 'live' && new Set(idsIn(broker)).size === EVENTS);
  });

  test('is none when its messages expired', async () => {
    const running = await published();
    broker.expired = EVENTS;
    await log.stopAll();
    await write(1);
    await start();
    await until(() => idsIn(broker).length === EVENTS + 1);
    expect(warnings()).toEqual([]);
    expect(running.name).toBe('kafka');
  });
});

describe('another target', () => {
  test('under another topic name begins with the first event, and the former one goes on from where it was left', async () => {
    await published();
    await log.stopAll();
    close();
    await start('another.topic');
    await until(() => new Set(idsIn(broker, 'another.topic')).size === EVENTS);
    await log.stopAll();
    close();
    await write(1);
    await start();
    await until(() => new Set(idsIn(broker)).size === EVENTS + 1);
    expect(idsIn(broker)).toHaveLength(EVENTS + 1);
  });

  test('in another cluster stops the subscriber, and gets what follows after the operator said head', async () => {
    const running = await published();
    broker.clusterId = 'another-cluster';
    broker.topics.set(TOPIC, [[], []]);
    await until(() => running.status().state === 'stopped');
    expect(running.status().error).toContain('is not in the cluster that was published to (cluster-of-tests)');
    await resume('head');
    await until(() => running.status().state === 'live');
    await write(1);
    await until(() => idsIn(broker).length === 1);
    expect(warnings()).toHaveLength(1);
  });
});
