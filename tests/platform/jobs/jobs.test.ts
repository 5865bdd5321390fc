import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { z } from 'zod';
import { BackgroundTask, backgroundTask, runBackgroundTask } from '../../../src/platform/jobs/background-task.ts';
import {
  JobFailure,
  type JobHandler,
  JobLater,
  type JobLimits,
  type JobShare,
  JobsOverloaded,
} from '../../../src/platform/jobs/definition.ts';
import type { Job } from '../../../src/platform/jobs/job-table.ts';
import { createJobs, type Jobs } from '../../../src/platform/jobs/jobs.ts';
import { jobMigrations } from '../../../src/platform/jobs/schema.ts';
import { DatabaseUnavailable } from '../../../src/platform/postgres/connection-failure.ts';
import { migrate } from '../../../src/platform/postgres/migrate.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { keptLog } from '../../accounts/support.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

let database: TestDatabase;
let pool: pg.Pool;
let instances: Jobs[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.connectionString, { max: 5, applicationName: 'tests', onError: () => {} });
  await migrate(pool, [{ part: 'jobs', migrations: jobMigrations }]);
}, 60_000);
afterEach(async () => {
  await Promise.all(instances.map((jobs) => jobs.close()));
  instances = [];
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** An instance of the service, as far as jobs go, that knows one kind of job. */
async function instance(name: string, handler: JobHandler<{ n: number }>, limits?: Partial<JobLimits>, on = pool) {
  const log = keptLog();
  const ended: string[] = [];
  const jobs = createJobs({ pool: on, log, onEnd: (status) => ended.push(status) });
  jobs.define(name, z.strictObject({ n: z.int() }), handler, limits);
  instances.push(jobs);
  await jobs.run();
  return { jobs, log, ended };
}

async function until(jobs: Jobs, id: string, isSo: (job: Job) => boolean, seconds = 15): Promise<Job> {
  let job: Job | null = null;
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; await pause(20)) {
    job = await jobs.find(id).catch(() => null);
    if (job && isSo(job)) return job;
  }
  throw new Error(`the job did not get there: ${JSON.stringify(job)}`);
}

const hasEnded = ({ finishedAt }: Job) => finishedAt !== null;

test('instances that start at once on an empty database make its tables once, and each can start and find jobs', async () => {
  const started = await Promise.all([0, 1, 2].map(() => instance('first', async () => {})));
  const ids = await Promise.all(started.map(({ jobs }, n) => jobs.start('first', { n }, { createdBy: `user ${n}` }).then(({ id }) => id)));
  for (const [n, id] of ids.entries()) {
    const job = await until(started[(n + 1) % 3]!.jobs, id, hasEnded);
    expect(job).toMatchObject({ id, name: 'first', data: { n }, createdBy: `user ${n}`, status: 'succeeded', progress: 1, error: null });
    expect(job.createdAt <= job.startedAt! && job.startedAt! <= job.finishedAt!).toBe(true);
  }
});

test('a job that runs is never shown without its start', async () => {
  const { jobs } = await instance('begun', async () => {});
  const holder = await pool.connect();
  try {
    // Nothing can be written down of its first attempt.
    await holder.query('begin');
    await holder.query('lock table jobs.progress in exclusive mode');
    const { id } = await jobs.start('begun', { n: 1 });
    const running = await until(jobs, id, ({ status }) => status === 'running');
    expect(running.startedAt).toBeInstanceOf(Date);
    await holder.query('rollback');
    expect((await until(jobs, id, hasEnded)).status).toBe('succeeded');
  } finally {
    holder.release();
  }
});

test('a job leaves its result in parts, of which the first of each number counts, and shows it when it has succeeded', async () => {
  const held = { isHeld: true };
  const { jobs } = await instance('leaving', async ({ progress }) => {
    await progress.save(0.5, { number: 1, content: ['second'] });
    await progress.save(0.5, { number: 0, content: ['first'] });
    await progress.save(0.5, { number: 0, content: ['again'] });
    while (held.isHeld) await pause(10);
  });
  const { id } = await jobs.start('leaving', { n: 1 });
  expect((await until(jobs, id, ({ progress }) => progress > 0)).parts).toEqual([]);
  held.isHeld = false;
  expect((await until(jobs, id, hasEnded)).parts).toEqual([['first'], ['second']]);
});

test('a job begins at once, and jobs behind it follow without a pause', async () => {
  const { jobs } = await instance('quick', async () => {});
  const since = performance.now();
  const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => jobs.start('quick', { n }).then(({ id }) => id)));
  for (const id of ids) await until(jobs, id, hasEnded);
  expect(performance.now() - since).toBeLessThan(2_000);
});

test('a job shows how far it has come', async () => {
  let goOn = () => {};
  const { jobs } = await instance('steps', async ({ progress }) => {
    await progress.save(0.25);
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
  });
  const { id } = await jobs.start('steps', { n: 1 });
  const job = await until(jobs, id, ({ progress }) => progress > 0);
  expect(job).toMatchObject({ status: 'running', progress: 0.25, finishedAt: null });
  expect(await jobs.unfinished()).toEqual({ queued: 0, running: 1 });
  goOn();
  await until(jobs, id, hasEnded);
});

describe('a job that fails', () => {
  test('is tried again from its saved progress, and its fault is in the log and not in the answer', async () => {
    const found: number[] = [];
    const { jobs, log, ended } = await instance('shaky', async ({ progress }) => {
      found.push(progress.done);
      if (found.length > 1) return;
      await progress.save(0.5);
      throw new Error('a secret of the inside');
    });
    const { id } = await jobs.start('shaky', { n: 1 });
    const between = await until(jobs, id, ({ status, progress }) => status === 'queued' && progress === 0.5);
    expect(between).toMatchObject({ error: null, finishedAt: null });
    expect(await until(jobs, id, hasEnded)).toMatchObject({ status: 'succeeded', progress: 1, error: null });
    expect(found).toEqual([0, 0.5]);
    expect(ended).toEqual(['succeeded']);
    expect(log.lines.filter(({ level }) => level === 'error')).toMatchObject([{ facts: { job_id: id, attempt: 1 } }]);
  });

  test('is given up after six attempts', async () => {
    const { jobs } = await instance('hopeless', async () => {
      throw new Error('a secret of the inside');
    });
    const { id } = await jobs.start('hopeless', { n: 1 });
    await until(jobs, id, ({ startedAt }) => startedAt !== null);
    await pool.query('update jobs.progress set attempts = 5 where job_id = $1', [id]);
    const job = await until(jobs, id, hasEnded);
    expect(job).toMatchObject({ status: 'failed', progress: 0, error: 'The job failed too often' });
  });

  test('is not tried again when that would be of no use, and says why', async () => {
    let attempts = 0;
    const { jobs, ended } = await instance('refused', async () => {
      attempts++;
      throw new JobFailure('There is nothing to do');
    });
    const { id } = await jobs.start('refused', { n: 1 });
    expect(await until(jobs, id, hasEnded)).toMatchObject({ status: 'failed', error: 'There is nothing to do' });
    expect(attempts).toBe(1);
    expect(ended).toEqual(['failed']);
  });
});

test('only so many jobs of a kind run at once, and only so many wait', async () => {
  const open = new AbortController();
  let running = 0;
  let most = 0;
  const handler: JobHandler<{ n: number }> = async () => {
    most = Math.max(most, ++running);
    if (!open.signal.aborted) await once(open.signal, 'abort');
    running--;
  };
  const { jobs } = await instance('bounded', handler, { concurrency: 2, queued: 3 });
  const ids: string[] = [];
  for (let n = 0; n < 2; n++) {
    ids.push((await jobs.start('bounded', { n })).id);
    await until(jobs, ids[n]!, ({ status }) => status === 'running');
  }
  for (let n = 2; n < 5; n++) ids.push((await jobs.start('bounded', { n })).id);
  await expect(jobs.start('bounded', { n: 5 })).rejects.toThrow(JobsOverloaded);
  open.abort();
  for (const id of ids) await until(jobs, id, hasEnded);
  expect(most).toBe(2);
});

describe('jobs that are started for someone', () => {
  const share = (of: string, more: Partial<JobShare> = {}) => ({ share: { of, group: 'jobs', limit: 3, ...more } });

  test('are as many as each may have unfinished, however many are asked for at once, and of one key one', async () => {
    const open = new AbortController();
    const { jobs } = await instance('counted', async () => {
      if (!open.signal.aborted) await once(open.signal, 'abort');
    });
    const asked = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => jobs.start('counted', { n }, share('ann'))));
    const begun = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []));
    expect(begun).toHaveLength(3);
    for (const one of asked) if (one.status === 'rejected') expect(one.reason).toMatchObject({ name: 'JobLimitReached', limit: 3 });
    const again = await jobs.start('counted', { n: 0 }, { ...share('ann'), id: begun[0]! });
    expect(again.id).toBe(begun[0]);
    await jobs.start('counted', { n: 0 }, share('ann', { group: 'others', key: 'one' }));
    await expect(jobs.start('counted', { n: 0 }, share('ann', { group: 'others', key: 'one' }))).rejects.toMatchObject({ limit: 1 });
    open.abort();
    for (const id of begun) await until(jobs, id, hasEnded);
    await jobs.start('counted', { n: 0 }, share('ann'));
  });

  test('are taken in turn: the first of another before the second of one', async () => {
    const open = new AbortController();
    const order: number[] = [];
    const { jobs } = await instance('turns', async ({ data: { n } }) => {
      order.push(n);
      if (n === 0 && !open.signal.aborted) await once(open.signal, 'abort');
    });
    const first = await jobs.start('turns', { n: 0 }, share('carl'));
    await until(jobs, first.id, ({ status }) => status === 'running');
    const ids = [first.id];
    for (const [n, of] of [[1, 'carl'], [2, 'carl'], [3, 'bob'], [4, 'bob']] as const) ids.push((await jobs.start('turns', { n }, share(of))).id); // biome-ignore format: a list
    open.abort();
    for (const id of ids) await until(jobs, id, hasEnded);
    expect(order).toEqual([0, 3, 1, 4, 2]);
  });

  test('go on later from where they are, without an attempt being counted', async () => {
    const found: number[] = [];
    const { jobs } = await instance('later', async ({ progress }) => {
      found.push(progress.done);
      if (found.length > 8) return;
      await progress.save(found.length / 10);
      throw new JobLater(0);
    });
    const { id } = await jobs.start('later', { n: 0 }, share('eve'));
    expect(await until(jobs, id, hasEnded)).toMatchObject({ status: 'succeeded', error: null });
    expect(found).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]);
  }, 30_000);
});

test('what no job of the kind can be asked for is refused when it is started', async () => {
  const { jobs } = await instance('typed', async () => {});
  await expect(jobs.start('typed', { n: 'one' })).rejects.toThrow();
  await expect(jobs.start('unheard of', {})).rejects.toThrow('no job is called unheard of');
  expect(await jobs.find('00000000-0000-4000-8000-000000000000')).toBeNull();
});

describe('when an instance', () => {
  test('shuts down, its job goes on at another from where it was, and no attempt is counted', async () => {
    const steps: string[] = [];
    const stepping =
      (who: string): JobHandler<{ n: number }> =>
      async ({ data, progress, signal }) => {
        for (let step = Math.round(progress.done * data.n); step < data.n; step++) {
          await pause(20, undefined, { signal });
          await progress.save((step + 1) / data.n);
          steps.push(`${who} ${step}`);
        }
      };
    const one = await instance('handed-over', stepping('one'));
    const { id } = await one.jobs.start('handed-over', { n: 20 });
    await until(one.jobs, id, ({ progress }) => progress >= 0.2);
    const since = performance.now();
    await one.jobs.close();
    expect(performance.now() - since).toBeLessThan(1_000);
    const two = await instance('handed-over', stepping('two'));
    expect(await until(two.jobs, id, hasEnded)).toMatchObject({ status: 'succeeded' });
    const doneByOne = steps.filter((step) => step.startsWith('one')).length;
    expect(steps).toEqual(Array.from({ length: 20 }, (_, n) => `${n < doneByOne ? 'one' : 'two'} ${n}`));
    expect((await pool.query('select attempts from jobs.progress where job_id = $1', [id])).rows).toEqual([{ attempts: 1 }]);
  });

  test('is not heard of any more, another takes its job over from the saved progress, and what it does late changes nothing', async () => {
    const done: string[] = [];
    const over = new AbortController();
    const frozen = await instance('taken-over', async ({ progress, signal }) => {
      await progress.save(0.5);
      await once(signal, 'abort');
      await progress.save(0.1);
      done.push('late');
      await once(over.signal, 'abort');
    });
    const { id } = await frozen.jobs.start('taken-over', { n: 1 });
    await until(frozen.jobs, id, ({ progress }) => progress === 0.5);
    const living = await instance('taken-over', async ({ progress }) => {
      done.push(`from ${progress.done}`);
      while (!done.includes('late')) await pause(20);
    });
    // It is only hard of hearing: what it says of itself meanwhile has to be overheard.
    const silence = `update pgboss.job set heartbeat_on = now() - interval '1 minute' where id = $1 and state = 'active' and retry_count = 0`;
    while (!done.includes('from 0.5')) {
      await pool.query(silence, [id]);
      await pause(100);
    }
    expect(await until(living.jobs, id, hasEnded)).toMatchObject({ status: 'succeeded', progress: 1 });
    over.abort();
    await frozen.jobs.close();
    expect(done.toSorted()).toEqual(['from 0.5', 'late']);
    expect(await living.jobs.find(id)).toMatchObject({ status: 'succeeded', progress: 1 });
    expect(frozen.log.lines.concat(living.log.lines).filter(({ level }) => level === 'error')).toEqual([]);
  }, 60_000);

  test('loses the database, it goes on when that is back', async () => {
    const url = new URL(database.connectionString);
    const proxy = await startTcpProxy({ path: `${decodeURIComponent(url.hostname)}/.s.PGSQL.${url.port}` });
    const address = `postgres://${url.username}:${url.password}@127.0.0.1:${proxy.port}${url.pathname}?sslmode=disable`;
    const unsteady = createPool(address, { max: 3, applicationName: 'tests', onError: () => {} });
    try {
      let goOn = () => {};
      const isBack = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const begun: number[] = [];
      const handler: JobHandler<{ n: number }> = async ({ data, progress }) => {
        begun.push(data.n);
        await progress.save(0.5);
        await isBack;
      };
      const { jobs, log } = await instance('cut-off', handler, {}, unsteady);
      const { id: first } = await jobs.start('cut-off', { n: 1 });
      await until(jobs, first, ({ progress }) => progress === 0.5);
      proxy.refuse();
      proxy.cut();
      await expect(jobs.start('cut-off', { n: 2 })).rejects.toThrow(DatabaseUnavailable);
      await pause(2_500);
      proxy.accept();
      goOn();
      expect(await until(jobs, first, hasEnded)).toMatchObject({ status: 'succeeded' });
      const { id: second } = await jobs.start('cut-off', { n: 2 });
      await until(jobs, second, hasEnded);
      expect(begun).toEqual([1, 2]);
      expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
      await jobs.close();
    } finally {
      await unsteady.end();
      await proxy.close();
    }
  });
});

test('the task by which one sees that jobs work goes on at the step behind the last one done', async () => {
  const saved: number[] = [];
  const data = BackgroundTask.parse({ name: backgroundTask, steps: 5, step_ms: 0 });
  const progress = { done: 0.6, save: async (done: number) => void saved.push(done) };
  await runBackgroundTask({ data, progress, createdBy: null, signal: new AbortController().signal });
  expect(saved).toEqual([0.8, 1]);
});
