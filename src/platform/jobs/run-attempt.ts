import type { JobResult, JobWithMetadata } from 'pg-boss';
import type { Logger } from '../logging.ts';
import { isConnectionFailure } from '../postgres/connection-failure.ts';
import { type JobDefinition, JobFailure, JobLater } from './definition.ts';
import type { JobTable, Payload } from './job-table.ts';

/** How often a job is begun, by whatever it was ended: one that takes its process with it must not do so for ever. */
export const ATTEMPTS = 6;
const LONGEST_PAUSE_S = 300;

export type QueuedJob = JobWithMetadata<Payload>;

export interface AttemptParts {
  definition: JobDefinition;
  table: JobTable;
  log: Logger;
  /** Aborts when the instance shuts down. */
  closing: AbortSignal;
  /** Puts the job back into the queue, to be taken by anybody in so many seconds. */
  putBack(job: QueuedJob, seconds: number): Promise<void>;
}

/** Runs a job once. @returns how it ended; nothing when it is back in the queue, or another's by now */
export async function runAttempt(parts: AttemptParts, job: QueuedJob): Promise<JobResult[]> {
  const { definition, table, closing } = parts;
  const signal = AbortSignal.any([job.signal, closing]);
  let number = 1;
  try {
    const attempt = await table.begin(job.id);
    number = attempt.number;
    if (number > ATTEMPTS) throw new JobFailure('The job was interrupted too often');
    signal.throwIfAborted();
    await definition.handler({
      data: definition.schema.parse(job.data.input),
      createdBy: job.data.createdBy,
      progress: { done: attempt.done, save: (done, part) => table.save(job.id, done, part) },
      signal,
    });
    return [{ id: job.id, status: 'completed' }];
  } catch (error) {
    return ended(parts, job, number, error);
  }
}

async function ended(
  { table, log, closing, putBack }: AttemptParts,
  job: QueuedJob,
  attempt: number,
  error: unknown,
): Promise<JobResult[]> {
  const facts = { job_id: job.id, job: job.name, attempt };
  if (error instanceof JobFailure) return [givenUp(job, error.message)];
  if (closing.aborted || isConnectionFailure(error) || error instanceof JobLater) await table.uncount(job.id).catch(() => {});
  if (closing.aborted) {
    log.info(facts, 'a job was interrupted by the shutdown and is given back');
    await putBack(job, 0);
    return [];
  }
  if (job.signal.aborted) {
    log.warn(facts, 'a job was taken over by another instance');
    return [];
  }
  if (error instanceof JobLater) {
    await putBack(job, error.seconds);
    return [];
  }
  log.error({ ...facts, error }, 'an attempt at a job failed');
  if (attempt >= ATTEMPTS) return [givenUp(job, 'The job failed too often')];
  await putBack(job, Math.min(2 ** attempt * (0.5 + Math.random() / 2), LONGEST_PAUSE_S));
  return [];
}

/** pg-boss's word for a failure that is not tried again. */
function givenUp({ id }: QueuedJob, message: string): JobResult {
  return { id, status: 'deadletter', output: { message } };
}
