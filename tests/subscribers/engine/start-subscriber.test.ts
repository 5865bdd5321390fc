import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resumeAfter } from '../../../src/subscribers/engine/resume.ts';
import { Unreachable } from '../../../src/subscribers/subscriber.ts';
import { openLog, places, quick, titleOf, until } from './follow-log.ts';
import { sink } from './sink.ts';

let log: Awaited<ReturnType<typeof openLog>>;
beforeEach(async () => {
  log = await openLog();
});
afterEach(() => log.close());

const checkpointOf = async (name: string) =>
  BigInt((await log.pool.query('select position from subscribers.checkpoints where name = $1', [name])).rows[0].position);
const reached = async (name: string) => {
  const head = await log.store.head();
  await until(async () => (await checkpointOf(name)) >= head);
};
const putAside = async () =>
  (await log.pool.query('select stream, revision, state, error, attempts from subscribers.dead_letters order by stream, revision')).rows;

describe('a subscriber', () => {
  test('is told of everything from where it begins, in order, and goes on from there after a stop', async () => {
    const first = await log.create();
    const all = sink('all');
    const late = sink('late');
    await log.start(all.subscriber);
    await log.start({ ...late.subscriber, startsAt: 'head' });
    await log.rename(first, 'Another title');
    await reached('all');
    await reached('late');
    await log.stopAll();
    await log.rename(first, 'A third title');
    await log.start(all.subscriber);
    await log.start({ ...late.subscriber, startsAt: 'head' });
    await reached('all');
    await reached('late');
    expect(places(all.sent)).toEqual([0, 1, 2].map((revision) => `task-${first}@${revision}`));
    expect(places(late.sent)).toEqual([1, 2].map((revision) => `task-${first}@${revision}`));
  });

  test('writes rows in the transaction of its checkpoint, and is told when they are there', async () => {
    await log.pool.query('create table told (event uuid)');
    let written = 0;
    let fails = 1;
    await log.start({
      name: 'rows',
      startsAt: 'beginning',
      async write(events, client) {
        for (const { metadata } of events) await client.query('insert into told values ($1)', [metadata.event_id]);
        if (fails-- > 0) throw new Error('once');
      },
      written: () => void written++,
    });
    for (let n = 0; n < 5; n++) await log.create();
    await reached('rows');
    await until(() => written > 0);
    const { rows } = await log.pool.query('select count(*)::int as rows, count(distinct event)::int as events from told');
    expect(rows).toEqual([{ rows: 5, events: 5 }]);
  });

  test('waits for ever while the other side is not there, says so, and puts nothing aside', async () => {
    let isThere = false;
    const kafka = sink('kafka', () => {
      if (!isThere) throw new Unreachable('nobody listens');
    });
    await log.create();
    const running = await log.start(kafka.subscriber);
    await until(() => running.status().state === 'unreachable');
    expect(running.status().error).toBe('nobody listens');
    const second = await log.create();
    isThere = true;
    await reached('kafka');
    await until(() => running.status().state === 'live');
    expect(running.status().error).toBeNull();
    expect(kafka.sent.map(({ stream }) => stream)).toContain(`task-${second}`);
    expect(kafka.sent).toHaveLength(2);
    expect(await putAside()).toEqual([]);
    expect(log.lines.filter((line) => line.includes('and tries again'))).toHaveLength(1);
  });

  test('stops no other stream with an event that it cannot handle: the later ones of the same one wait behind it', async () => {
    const picky = sink('picky', (events) => {
      if (events.some((event) => titleOf(event) === 'Poison')) throw new Error('this does not go down');
    });
    const good = await log.create();
    const bad = await log.create();
    await log.rename(bad, 'Poison');
    await log.rename(good, 'Fine');
    await log.rename(bad, 'Fine again');
    await log.start(picky.subscriber);
    await reached('picky');
    await log.rename(bad, 'And fine');
    await log.rename(good, 'Still fine');
    await reached('picky');
    expect(places(picky.sent)).toEqual([`task-${good}@0`, `task-${bad}@0`, `task-${good}@1`, `task-${good}@2`]);
    expect(await putAside()).toMatchObject([
      { stream: `task-${bad}`, revision: 1, state: 'failed', error: 'this does not go down', attempts: 3 },
      { stream: `task-${bad}`, revision: 2, state: 'waiting', error: null, attempts: 0 },
      { stream: `task-${bad}`, revision: 3, state: 'waiting', error: null, attempts: 0 },
    ]);
    expect(log.lines.filter((line) => line.includes('is put aside'))).toHaveLength(1);
  });

  test('puts an event aside that cannot be read', async () => {
    const all = sink('reader');
    const id = '0199d3a0-0000-7000-8000-00000000000a';
    await log.store.append({
      stream: `task-${id}`,
      expectedRevision: 'no_stream',
      events: [{ id, type: 'FromTheFuture', metadata: Buffer.from('{"schema_version":1}'), data: Buffer.from('{}') }],
    });
    const task = await log.create();
    await log.start(all.subscriber);
    await reached('reader');
    expect(places(all.sent)).toEqual([`task-${task}@0`]);
    expect(await putAside()).toMatchObject([
      { stream: `task-${id}`, revision: 0, state: 'failed', error: expect.stringContaining('FromTheFuture') },
    ]);
  });

  test('survives the loss of its connections: each event comes at least once, in the order of its stream', async () => {
    const all = sink('cut');
    const running = await log.start(all.subscriber);
    const task = await log.create('0');
    for (let round = 0; round < 3; round++) {
      await until(() => running.status().state === 'live');
      await log.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tasktrail subscriber%' or application_name like 'tasktrail lock%'`,
      );
      for (let n = 0; n < 5; n++) await log.rename(task, `${round} ${n}`);
    }
    await reached('cut');
    const revisions = all.sent.map(({ revision }) => revision);
    expect(new Set(revisions).size).toBe(16);
    expect([...revisions].sort((a, b) => a - b).filter((revision, n, sorted) => revision !== sorted[n - 1])).toEqual([
      ...new Set(revisions),
    ]);
    expect(await putAside()).toEqual([]);
  });

  test('is one of several instances that sends; when it goes, another takes over', async () => {
    const one = sink('shared');
    const other = sink('shared');
    const first = await log.start(one.subscriber);
    await until(() => first.status().state === 'live');
    const second = await log.start(other.subscriber);
    await log.create();
    await reached('shared');
    expect(second.status().state).toBe('standby');
    await first.stop();
    await until(() => second.status().state === 'live', 5_000);
    await log.create();
    await reached('shared');
    expect([one.sent.length, other.sent.length]).toEqual([1, 1]);
  });

  test('that was taken over while it slept writes nothing, and sends nothing more', async () => {
    let wake = () => {};
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let tries = 0;
    const sleepy = sink('sleepy', () => {
      tries++;
      return asleep;
    });
    await log.create();
    await log.create();
    await log.start(sleepy.subscriber);
    await until(() => tries === 1);
    // Another instance takes over, as it does when the lock of the first is gone.
    await log.pool.query(`update subscribers.checkpoints set epoch = epoch + 1, position = $1 where name = 'sleepy'`, [
      (await log.store.head()).toString(),
    ]);
    wake();
    await until(() => log.lines.some((line) => line.includes('Another instance has taken over')));
    await reached('sleepy');
    await log.create();
    await reached('sleepy');
    expect(sleepy.sent).toHaveLength(3);
  });

  test('is not followed on from a checkpoint that is not of this log', async () => {
    const all = sink('ahead');
    await log.create();
    const first = await log.start(all.subscriber);
    await reached('ahead');
    await first.stop();
    await log.pool.query(`update subscribers.checkpoints set position = position + 100`);
    const second = await log.start(all.subscriber);
    await until(() => second.status().state === 'stopped');
    expect(second.status().error).toMatch(/ahead is not of this event log as it stands: it is at position \d+, beyond the end/);
    await log.create();
    expect(all.sent).toHaveLength(1);
    expect(log.lines.filter((line) => line.includes('Nothing is sent until'))).toHaveLength(1);
    // Until somebody says where it goes on.
    expect(await resumeAfter(log.pool, log.store, { name: 'ahead', after: 'head', by: 'a test' })).toBe(await log.store.head());
    await until(() => second.status().state === 'live');
    const next = await log.create();
    await reached('ahead');
    expect(places(all.sent).slice(1)).toEqual([`task-${next}@0`]);
  });
});

describe('an event that ends the process', () => {
  test('is put aside after so many starts, and nothing else is', async () => {
    const all = sink('crashed');
    const [poison, fine] = [await log.create(), await log.create()];
    const stuck = await log.start({ ...all.subscriber, send: () => new Promise<void>(() => {}) });
    // Said before it is handled, and taken back at a stop that was wanted.
    const attempts = async () => (await log.pool.query('select attempted, attempts from subscribers.checkpoints')).rows[0];
    await until(async () => (await attempts()).attempts === 1);
    const { attempted } = await attempts();
    await stuck.stop();
    expect(await attempts()).toEqual({ attempted: null, attempts: 0 });
    // A process that is ended leaves it as it was. The first of the two events is suspected by itself after that.
    await log.pool.query('update subscribers.checkpoints set attempted = $1, attempts = 1', [attempted]);
    const starts: string[][] = [];
    for (let start = 0; start < 3; start++) {
      const seen: string[] = [];
      starts.push(seen);
      const next = await log.start(
        {
          ...all.subscriber,
          send: async (events, signal) => {
            seen.push(...places(events));
            if (places(events).includes(`task-${poison}@0`)) await new Promise(() => {});
            await all.subscriber.send!(events, signal);
          },
        },
        { timing: { ...quick, starts: 2 } },
      );
      await until(() => seen.length > 0);
      const was = await attempts();
      await next.stop();
      if (start < 2)
        await log.pool.query('update subscribers.checkpoints set attempted = $1, attempts = $2', [was.attempted, was.attempts]);
    }
    expect(starts).toEqual([[`task-${poison}@0`], [`task-${poison}@0`], [`task-${fine}@0`]]);
    expect(await putAside()).toMatchObject([
      { stream: `task-${poison}`, state: 'failed', error: 'the process ended 2 times while it was handled', attempts: 2 },
    ]);
  });
});
