import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ResumeAfter, resumeAfter } from '../../../src/subscribers/engine/resume.ts';
import { usualTiming } from '../../../src/subscribers/engine/timing.ts';
import { Unreachable } from '../../../src/subscribers/subscriber.ts';
import { openLog, places, titleOf, until } from './follow-log.ts';
import { sink } from './sink.ts';

let log: Awaited<ReturnType<typeof openLog>>;
beforeEach(async () => {
  log = await openLog();
});
afterEach(() => log.close());

const resume = (name: string, after: ResumeAfter) => resumeAfter(log.pool, log.store, { name, after, by: 'the operator' });
const messages = () => log.lines.map((line) => JSON.parse(line) as { level: string; message: string });
const letters = async () =>
  (await log.pool.query('select id, revision, state, error from subscribers.dead_letters order by revision')).rows;
async function reached(name: string): Promise<void> {
  const head = await log.store.head();
  const position = async () =>
    (await log.pool.query('select position from subscribers.checkpoints where name = $1', [name])).rows[0].position;
  await until(async () => BigInt(await position()) >= head);
}

describe.each(['running', 'stopped'] as const)('a subscriber that is %s', (state) => {
  test.each(['before', 'at', 'behind'] as const)('and is moved to %s an event put aside goes on past it, and keeps it', async (where) => {
    const picky = sink('picky', (events) => {
      if (events.some((event) => titleOf(event) === 'Poison')) throw new Error('this does not go down');
    });
    const [other, bad] = [await log.create(), await log.create()];
    await log.rename(bad, 'Poison');
    await log.rename(bad, 'Behind it');
    const first = await log.start(picky.subscriber);
    await reached('picky');
    await until(() => first.status().state === 'live');
    const before = await letters();
    expect(before.map(({ revision, state: is }) => `${revision} ${is}`)).toEqual(['1 failed', '2 waiting']);
    const [poison] = await log.store.readStream(`task-${bad}`, { from: 1, limit: 1 });
    picky.sent.length = 0;
    if (state === 'stopped') await log.stopAll();
    await resume('picky', where === 'before' ? 'beginning' : where === 'at' ? poison!.position - 1n : poison!.position);
    // No event is written meanwhile: the log is quiet.
    const running = state === 'stopped' ? await log.start(picky.subscriber) : first;
    await reached('picky');
    await until(async () => running.status().state === 'live' && (await letters()).length === 2);
    expect(await letters()).toEqual(before);
    if (where === 'before') await until(() => places(picky.sent).includes(`task-${bad}@0`));
    expect(places(picky.sent).sort()).toEqual(where === 'before' ? [`task-${bad}@0`, `task-${other}@0`].sort() : []);
    await log.rename(other, 'And on');
    await until(() => places(picky.sent).includes(`task-${other}@1`));
  });
});

describe('a subscriber that is active', () => {
  test('goes on from where it is moved to without a new event, and says at info who moved it and where to', async () => {
    const all = sink('kafka');
    const task = await log.create();
    // As patient as the service is.
    const running = await log.start(all.subscriber, { timing: usualTiming });
    await until(() => running.status().state === 'live' && all.sent.length === 1);
    await resume('kafka', 'beginning');
    await until(() => all.sent.length === 2);
    expect(places(all.sent)).toEqual([`task-${task}@0`, `task-${task}@0`]);
    expect(messages()).toContainEqual(
      expect.objectContaining({ level: 'info', message: 'the subscriber kafka was moved to position 0 by the operator' }),
    );
    expect(messages().filter(({ level }) => level !== 'info')).toEqual([]);
  });

  test('is moved while it waits for an answer that never comes, and while the other side is away', async () => {
    let mode: 'mute' | 'away' | 'well' = 'mute';
    const all = sink('kafka', async () => {
      if (mode === 'mute') await new Promise(() => {});
      if (mode === 'away') throw new Unreachable('nobody listens');
    });
    await log.create();
    const running = await log.start(all.subscriber, { timing: { unreachablePause: 600_000 } });
    await until(() => running.status().state === 'catching_up');
    mode = 'away';
    await resume('kafka', 'beginning');
    await until(() => running.status().state === 'unreachable');
    mode = 'well';
    await resume('kafka', 'head');
    await until(() => running.status().state === 'live');
    expect(all.sent).toEqual([]);
  });

  test('names a lock that it has lost, and why', async () => {
    const all = sink('kafka');
    const running = await log.start(all.subscriber);
    await until(() => running.status().state === 'live');
    await log.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tasktrail lock subscriber kafka'`,
    );
    await until(() => messages().some(({ level }) => level === 'error'));
    expect(messages().find(({ level }) => level === 'error')!.message).toMatch(
      /^the subscriber kafka does not go on: The lock "subscriber kafka" was lost: terminating connection due to administrator command/,
    );
    await until(() => running.status().state === 'live');
  });
});
