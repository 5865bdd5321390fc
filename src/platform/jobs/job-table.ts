import type pg from 'pg';
import { translated } from '../postgres/connection-failure.ts';
import { retryingConflicts } from '../postgres/retry-conflicts.ts';
import type { JobShare, ResultPart } from './definition.ts';

/** The schema of pg-boss. Its tables are documented for reading; whatever changes them goes through its functions. */
export const queueSchema = 'pgboss';

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed';

export interface Job {
  id: string;
  /** Of its kind. */
  name: string;
  data: unknown;
  createdBy: string | null;
  status: JobStatus;
  /** From 0 to 1. */
  progress: number;
  createdAt: Date;
  /** Of its first attempt. */
  startedAt: Date | null;
  finishedAt: Date | null;
  /** Why it failed, in words that may be shown. */
  error: string | null;
  /** What a job that succeeded has left, part by part. */
  parts: unknown[];
}

/** What a job is given by whoever starts it, as the queue keeps it. */
export interface Payload {
  input: unknown;
  createdBy: string | null;
  /** For whom it is counted. */
  share?: Pick<JobShare, 'of' | 'group' | 'key'>;
}

export interface Attempt {
  /** From 0 to 1. */
  done: number;
  /** Which one it is, from 1; those that a shutdown interrupted do not count. */
  number: number;
}

type Query = <R extends pg.QueryResultRow>(statement: pg.QueryConfig) => Promise<R[]>;

/** All may throw DatabaseUnavailable. */
export interface JobTable {
  /** @param query runs the statement on behalf of a request */
  find(id: string, names: readonly string[], query?: Query): Promise<Job | null>;
  /** How many of a kind wait, counted no further than the limit. */
  waiting(name: string, limit: number): Promise<number>;
  /** How many jobs wait and run, of all kinds. */
  unfinished(): Promise<{ queued: number; running: number }>;
  /** Whether a job runs on an instance that has not been heard of for too long. */
  hasAbandoned(): Promise<boolean>;
  begin(id: string): Promise<Attempt>;
  save(id: string, done: number, part?: ResultPart): Promise<void>;
  /** As if the attempt had never begun. */
  uncount(id: string): Promise<void>;
  forgetOld(): Promise<void>;
}

export function createJobTable(pool: pg.Pool): JobTable {
  const rows = async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> => {
    const result = await retryingConflicts(() => pool.query<Row>(sql, values)).catch((error) => {
      throw translated(error);
    });
    return result.rows;
  };
  return {
    async find(id, names, query: Query = ({ text, values }) => rows(text, values)) {
      const [row] = await query<JobRow>({ text: findOne, values: [id, names] });
      return row ? jobOf(row) : null;
    },
    waiting: async (name, limit) => (await rows<{ count: number }>(countWaiting, [name, limit]))[0]!.count,
    unfinished: async () => (await rows<{ queued: number; running: number }>(countUnfinished))[0]!,
    hasAbandoned: async () => (await rows<{ found: boolean }>(abandoned))[0]!.found,
    begin: async (id) => (await rows<Attempt>(beginAttempt, [id]))[0]!,
    async save(id, done, part) {
      if (part) await rows(keepPart, [id, part.number, JSON.stringify(part.content)]);
      await rows(saveProgress, [id, done]);
    },
    uncount: async (id) => void (await rows('update jobs.progress set attempts = attempts - 1 where job_id = $1', [id])),
    forgetOld: async () => void (await rows(`delete from jobs.progress where touched_at < now() - interval '3 days'`)),
  };
}

interface JobRow {
  id: string;
  name: string;
  data: Payload;
  state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';
  createdAt: Date;
  finishedAt: Date | null;
  startedAt: Date | null;
  done: number | null;
  error: string | null;
  parts: unknown[] | null;
}

const statuses: Record<JobRow['state'], JobStatus> = {
  created: 'queued',
  retry: 'queued',
  active: 'running',
  completed: 'succeeded',
  cancelled: 'failed',
  failed: 'failed',
};

function jobOf({ id, name, data, state, createdAt, finishedAt, startedAt, done, error, parts }: JobRow): Job {
  const status = statuses[state];
  return {
    id,
    name,
    data: data.input,
    createdBy: data.createdBy,
    status,
    progress: status === 'succeeded' ? 1 : (done ?? 0),
    createdAt,
    startedAt,
    finishedAt,
    error: status === 'failed' ? (error ?? 'The job was given up') : null,
    parts: parts ?? [],
  };
}

const findOne = `
  select job.id, job.name, job.data, job.state, job.created_on as "createdAt", job.completed_on as "finishedAt",
         job.output ->> 'message' as error, progress.done,
         -- A job is taken from the queue a moment before its first attempt is written down.
         coalesce(progress.started_at, case when job.state = 'active' then job.started_on end) as "startedAt",
         case when job.state = 'completed'
           then (select jsonb_agg(result.content order by result.part) from jobs.results result where result.job_id = job.id)
         end as parts
    from ${queueSchema}.job left join jobs.progress on progress.job_id = job.id
   where job.id = $1 and job.name = any($2)`;

const countWaiting = `
  select count(*)::integer as count
    from (select from ${queueSchema}.job where name = $1 and state < 'active' limit $2) as waiting`;

const countUnfinished = `
  select count(*) filter (where state < 'active')::integer as queued, count(*) filter (where state = 'active')::integer as running
    from ${queueSchema}.job where state < 'completed'`;

const abandoned = `
  select exists (select from ${queueSchema}.job
                  where state = 'active' and heartbeat_on + heartbeat_seconds * interval '1 second' < now()) as found`;

const beginAttempt = `
  insert into jobs.progress (job_id) values ($1)
  on conflict (job_id) do update set attempts = progress.attempts + 1, touched_at = now()
  returning done, attempts as number`;

const keepPart = 'insert into jobs.results (job_id, part, content) values ($1, $2, $3) on conflict (job_id, part) do nothing';

// One that has lost its job to another instance without knowing must not take back what that one has done.
const saveProgress = `update jobs.progress set done = greatest(done, $2), touched_at = now() where job_id = $1`;
