import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import { grants } from '../../accounts/scope.ts';
import { Id, Time } from '../../events/values.ts';
import { type ExternalCall, ExternalFailure } from '../../platform/external.ts';
import { BackgroundTask, backgroundTask } from '../../platform/jobs/background-task.ts';
import type { JobShare } from '../../platform/jobs/definition.ts';
import type { Job } from '../../platform/jobs/job-table.ts';
import type { Jobs } from '../../platform/jobs/jobs.ts';
import type { Requester } from '../../platform/postgres/fair-reads.ts';
import { Rejection, type RejectionCode } from '../../rejection.ts';
import { type RequestContext, type Route, route } from '../route.ts';
import type { TaskReadsFor } from '../task-reads.ts';
import { undoJob } from '../undo-job.ts';
import { type UndoResultDependencies, undoResults } from '../undo-result.ts';
import { countsOf, type UndoResultView, UndoRunView } from '../views/undo-view.ts';

/** Jobs on behalf of requests. */
export interface RequestJobs extends Pick<Jobs, 'start'> {
  /** In a place of the requester's. @throws DatabaseUnavailable, TooManyReads */
  find(id: string, requester: Requester): Promise<Job | null>;
}

export interface AsyncServices {
  jobs: RequestJobs;
  tasksFor: TaskReadsFor;
  people: UndoResultDependencies['people'];
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
    result: UndoRunView.nullable().describe('Of an undo that has succeeded, as far as the reader may see its tasks now.'),
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
export function asyncRoutes({ jobs, external, tasksFor, people }: AsyncServices): Route[] {
  /** @throws Rejection JOB_NOT_FOUND */
  const visibleJob = async (id: string, caller: Caller | null, request: RequestContext): Promise<Job> => {
    const job = await jobs.find(id, request);
    const isVisible = job && (job.createdBy === null || job.createdBy === caller?.id || caller?.isAdmin);
    if (!isVisible) throw new Rejection('JOB_NOT_FOUND', 'There is no such job');
    return job;
  };

  return [
    route({
      ...common,
      method: 'post',
      path: '/async/background-task',
      summary: 'Start a job that does nothing, in steps',
      body: TaskBody,
      gives: ['Location'],
      answers: { 202: JobView },
      rejects: ['RATE_LIMITED', 'LIMIT_REACHED', 'OVERLOADED', 'DEPENDENCY_UNAVAILABLE'],
      async handle({ body, caller, request }) {
        const createdBy = caller && { createdBy: caller.id };
        const job = await jobs.start(backgroundTask, body, { ...createdBy, share: shareOf(caller?.id ?? request.ip) });
        return { status: 202, headers: { Location: `/async/tasks/${job.id}` }, body: jobView(job) };
      },
    }),
    route({
      ...common,
      method: 'get',
      path: '/async/tasks/:id',
      summary: 'See how a job is getting on',
      description: 'A job that a user has started is there for that user and for admins.',
      params: z.strictObject({ id: Id }),
      absent: 'JOB_NOT_FOUND',
      answers: { 200: JobView },
      isOwned: true,
      rejects: ['JOB_NOT_FOUND', 'OVERLOADED', 'DEPENDENCY_UNAVAILABLE'],
      async handle({ params, caller, request }) {
        const job = await visibleJob(params.id, caller, request);
        if (caller === null || !hasResult(job, caller)) return { status: 200, body: jobView(job) };
        const results = undoResults({ tasks: tasksFor(request), people }, job, caller);
        return { status: 200, stream: { contentType: 'application/json; charset=utf-8', chunks: withResult(jobView(job), results) } };
      },
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

/** The result tells of tasks: a token has to be good for reading them. */
function hasResult({ name, status }: Job, { token }: Caller): boolean {
  return name === undoJob && status === 'succeeded' && (token === undefined || grants(token.scopes, 'tasks:read'));
}

/** The job with its result, which is written as it is read: an undo may be of any number of tasks. */
async function* withResult({ result: _, ...job }: z.output<typeof JobView>, results: AsyncIterable<UndoResultView>) {
  const beginning = `${JSON.stringify(job).slice(0, -1)},"result":{"results":[`;
  const summary: Pick<UndoResultView, 'success'>[] = [];
  // Nothing is sent before the first result is read: what keeps it from being read is an answer of its own.
  for await (const one of results) {
    yield (summary.length === 0 ? beginning : ',') + JSON.stringify(one);
    summary.push({ success: one.success });
  }
  yield `${summary.length === 0 ? beginning : ''}],${JSON.stringify(countsOf(summary)).slice(1)}}`;
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
    result: null,
  };
}
