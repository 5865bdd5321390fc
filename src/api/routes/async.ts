import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Id, Time } from '../../events/values.ts';
import { type ExternalCall, ExternalFailure } from '../../platform/external.ts';
import { BackgroundTask, backgroundTask } from '../../platform/jobs/background-task.ts';
import type { JobShare } from '../../platform/jobs/definition.ts';
import type { Job } from '../../platform/jobs/job-table.ts';
import type { Jobs } from '../../platform/jobs/jobs.ts';
import { Rejection, type RejectionCode } from '../../rejection.ts';
import { type Route, route } from '../route.ts';

export interface AsyncServices {
  jobs: Pick<Jobs, 'start' | 'find'>;
  /** Undefined when no `EXTERNAL_URL` is set. */
  external: ExternalCall | undefined;
}

export const JobView = z
  .strictObject({
    id: Id,
    name: z.string(),
    status: z.enum(['queued', 'running', 'succeeded', 'failed']),
    progress: z.number().min(0).max(1),
    created_at: Time,
    started_at: Time.nullable(),
    finished_at: Time.nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: 'Job', description: 'Work that takes longer than a request. It survives a restart, and is kept for a day after it ended.' });

const TaskBody = z.strictObject({
  name: z.string().trim().min(1).max(200).default(backgroundTask),
  steps: z.int().min(1).max(100).default(10),
  step_ms: z.int().min(0).max(1000).default(100),
});

const ExternalView = z
  .strictObject({ status: z.int(), elapsed_ms: z.int(), body: z.unknown().meta({ description: 'JSON, or text.' }) })
  .meta({ id: 'ExternalAnswer' });

const common = { root: true, tag: 'Operations', needs: 'open' } as const;

/** What is done behind the caller's back, and what is waited for without keeping others waiting. */
export function asyncRoutes({ jobs, external }: AsyncServices): Route[] {
  return [
    route({
      ...common,
      method: 'post',
      path: '/async/background-task',
      summary: 'Start a job that does nothing, in steps',
      body: TaskBody,
      answers: { 202: JobView },
      rejects: ['RATE_LIMITED', 'LIMIT_REACHED', 'OVERLOADED', 'DEPENDENCY_UNAVAILABLE'],
      async handle({ body, caller, request }) {
        const job = await jobs.start(backgroundTask, body, { share: shareOf(caller?.id ?? request.ip) });
        return { status: 202, headers: { Location: `/async/tasks/${job.id}` }, body: jobView(job) };
      },
    }),
    route({
      ...common,
      method: 'get',
      path: '/async/tasks/:id',
      summary: 'See how a job is getting on',
      params: z.strictObject({ id: Id }),
      absent: 'JOB_NOT_FOUND',
      answers: { 200: JobView },
      rejects: ['JOB_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
      handle: async ({ params }) => ({ status: 200, body: jobView(await found(jobs, params.id)) }),
    }),
    route({
      ...common,
      method: 'get',
      path: '/async/external',
      summary: 'Fetch what EXTERNAL_URL names',
      answers: { 200: ExternalView },
      rejects: ['RATE_LIMITED', 'EXTERNAL_NOT_CONFIGURED', 'EXTERNAL_FAILED', 'EXTERNAL_TIMEOUT', 'OVERLOADED'],
      async handle({ request }) {
        if (!external) throw new Rejection('EXTERNAL_NOT_CONFIGURED', 'No EXTERNAL_URL is set');
        const { status, elapsedMs, body } = await external(request.signal).catch(asRejection);
        return { status: 200, body: { status, elapsed_ms: elapsedMs, body } };
      },
    }),
  ];
}

/** Unfinished jobs of one user, or of one client address; replays of webhooks are counted apart. */
export const MAX_JOBS = 3;

/** @param whose the id of a user, or the address of an anonymous client, of which a digest is kept */
export function shareOf(whose: string): JobShare {
  return { of: createHash('sha256').update(whose).digest('base64url'), group: 'jobs', limit: MAX_JOBS };
}

async function found(jobs: AsyncServices['jobs'], id: string): Promise<Job> {
  const job = await jobs.find(id);
  if (!job) throw new Rejection('JOB_NOT_FOUND', 'There is no such job');
  return job;
}

const codes: Record<ExternalFailure['kind'], RejectionCode> = {
  failed: 'EXTERNAL_FAILED',
  timeout: 'EXTERNAL_TIMEOUT',
  busy: 'OVERLOADED',
};

function asRejection(error: unknown): never {
  if (error instanceof ExternalFailure) throw new Rejection(codes[error.kind], error.message);
  throw error;
}

export function jobView({ id, name, data, status, progress, createdAt, startedAt, finishedAt, error }: Job): z.output<typeof JobView> {
  const given = name === backgroundTask ? BackgroundTask.safeParse(data).data?.name : undefined;
  return {
    id,
    name: given ?? name,
    status,
    // A job that has not ended is not shown as done.
    progress: status === 'succeeded' ? 1 : Math.floor(progress * 1000) / 1000,
    created_at: createdAt.toISOString(),
    started_at: startedAt?.toISOString() ?? null,
    finished_at: finishedAt?.toISOString() ?? null,
    error,
  };
}
