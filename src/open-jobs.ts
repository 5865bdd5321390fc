import type { Composition } from './composition.ts';
import type { Database } from './database.ts';
import type { measure } from './observation.ts';
import { BackgroundTask, backgroundTask, backgroundTaskLimits, runBackgroundTask } from './platform/jobs/background-task.ts';
import { createJobs, type Jobs } from './platform/jobs/jobs.ts';

/** Opened when all that jobs may need is open, and closed before it. */
export async function openJobs(
  { logger, closing }: Composition,
  { pool }: Database,
  watch: ReturnType<typeof measure>,
  defineOthers: (jobs: Jobs) => void,
): Promise<Jobs> {
  const jobs = createJobs({ pool, log: logger.named('jobs'), onEnd: watch.jobEnded });
  closing.add('jobs', () => jobs.close());
  jobs.define(backgroundTask, BackgroundTask, runBackgroundTask, backgroundTaskLimits);
  defineOthers(jobs);
  await jobs.run();
  watch.jobs(jobs);
  return jobs;
}
