import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import type { z } from 'zod';
import type { Logger } from '../logging.ts';
import { type JobDefinition, type JobHandler, type JobLimits, JobsOverloaded, type StartOptions } from './definition.ts';
import { enqueue } from './enqueue.ts';
import { createJobTable, type Job, type JobTable, type Payload } from './job-table.ts';
import { createQueue, workOptions } from './queue.ts';
import { type QueuedJob, runAttempt } from './run-attempt.ts';
import { watchForAbandoned } from './watch.ts';

const usualLimits: JobLimits = { concurrency: 1, queued: 1000 };
/** Milliseconds that handlers have to notice a shutdown. */
const LET_GO_WITHIN = 3_000;

/**
 * Work that takes longer than a request, kept in the database and shared by all instances: it survives whatever becomes of them. Each job
 * is done at least once.
 */
export interface Jobs {
  /** Says how jobs of a kind are done. All kinds are defined before `run`. */
  define<T>(name: string, schema: z.ZodType<T>, handler: JobHandler<T>, limits?: Partial<JobLimits>): void;
  /**
   * Jobs of one kind are taken in turn between those for whom they were started: the first of each before the second of any.
   * @param options `id` to start it only if there is none of that id yet
   * @returns the job as it was queued, or as the job of that id was. @throws JobLimitReached, JobsOverloaded, DatabaseUnavailable, and an
   * Error for data that its schema does not take
   */
  start(name: string, data: unknown, options?: StartOptions): Promise<Job>;
  /**
   * For a day after it ended.
   * @param query runs the statement on behalf of a request, as `FairReads.query` does
   * @throws DatabaseUnavailable, and what `query` throws
   */
  find(id: string, query?: Parameters<JobTable['find']>[2]): Promise<Job | null>;
  unfinished: JobTable['unfinished'];
  /** From now on does what is waiting. @throws DatabaseUnavailable */
  run(): Promise<void>;
  /** Gives back what is running, for another instance or the next start. May be called again. */
  close(): Promise<void>;
}

export interface JobsOptions {
  /** Of the database that `jobMigrations` were applied to. No connection is held between two statements. */
  pool: pg.Pool;
  log: Logger;
  /** Told of each job that ended on this instance. */
  onEnd?: (status: 'succeeded' | 'failed') => void;
}

export function createJobs({ pool, log, onEnd = () => {} }: JobsOptions): Jobs {
  const table = createJobTable(pool);
  const boss = createQueue(pool, log);
  const closing = new AbortController();
  const definitions = new Map<string, JobDefinition>();
  const workers = new Map<string, string[]>();
  let watching: { close(): Promise<void> } | undefined;
  let closed: Promise<void> | undefined;
  let lastEnqueued: Promise<unknown> = Promise.resolve();

  const wake = (name: string) => {
    for (const id of workers.get(name) ?? []) boss.notifyWorker(id);
  };
  const wakeAll = () => {
    for (const name of workers.keys()) wake(name);
  };

  async function work(definition: JobDefinition): Promise<void> {
    const { name, limits } = definition;
    const ids: string[] = [];
    workers.set(name, ids);
    await boss.createQueue(name);
    const parts = {
      definition,
      table,
      log,
      closing: closing.signal,
      putBack: (job: QueuedJob, seconds: number) => putBack(boss, job, seconds),
    };
    for (let left = limits.concurrency; left > 0; left--) {
      const id = await boss.work<Payload, unknown, typeof workOptions>(name, workOptions, async ([job]) => {
        const results = await runAttempt(parts, job!);
        for (const { status } of results) onEnd(status === 'completed' ? 'succeeded' : 'failed');
        wake(name);
        return results;
      });
      ids.push(id);
    }
  }

  return {
    define(name, schema, handler, limits) {
      definitions.set(name, { name, schema, handler, limits: { ...usualLimits, ...limits } } as JobDefinition);
    },
    async start(name, data, options = {}) {
      const definition = defined(definitions, name);
      const { queued } = definition.limits;
      if ((await table.waiting(name, queued)) >= queued) throw new JobsOverloaded('Too many jobs are waiting');
      const input = definition.schema.parse(data);
      // One after another: each holds a connection while pg-boss may take a second one.
      const enqueuing = lastEnqueued.then(() => enqueue({ boss, pool }, name, input, options));
      lastEnqueued = enqueuing.catch(() => {});
      const job = await enqueuing;
      wake(name);
      return job;
    },
    find: (id, query) => table.find(id, [...definitions.keys()], query),
    unfinished: table.unfinished,
    async run() {
      await boss.start();
      for (const definition of definitions.values()) await work(definition);
      watching = watchForAbandoned({ table, boss, log, found: wakeAll });
    },
    close() {
      closed ??= stop();
      return closed;
    },
  };

  async function stop(): Promise<void> {
    closing.abort(new Error('the instance shuts down'));
    await watching?.close();
    const lettingGo = Promise.all([...workers.keys()].map((name) => boss.offWork(name, { wait: true })));
    await Promise.race([lettingGo, pause(LET_GO_WITHIN, undefined, { ref: false })]);
    await boss.stop({ graceful: false, close: false });
  }
}

/** Two steps: whoever takes it between them merely takes it early. */
async function putBack(boss: PgBoss, { id, name, retryCount }: QueuedJob, seconds: number): Promise<void> {
  await boss.fail(name, { id, retryCount });
  if (seconds > 0) await boss.update({ name, options: { id, startAfter: seconds } });
}

function defined(definitions: ReadonlyMap<string, JobDefinition>, name: string): JobDefinition {
  const definition = definitions.get(name);
  if (!definition) throw new Error(`no job is called ${name}`);
  return definition;
}
