import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { JobInput, JobLimits } from './definition.ts';

/** A job that does nothing, in steps: by it one can see that jobs work. */
export const backgroundTask = 'background-task';

export const BackgroundTask = z.strictObject({ name: z.string(), steps: z.int(), step_ms: z.int() });
export type BackgroundTask = z.output<typeof BackgroundTask>;

/** Anybody may start one. */
export const backgroundTaskLimits: JobLimits = { concurrency: 2, queued: 100 };

export async function runBackgroundTask({ data: { steps, step_ms }, progress, signal }: JobInput<BackgroundTask>): Promise<void> {
  for (let step = Math.round(progress.done * steps); step < steps; step++) {
    await pause(step_ms, undefined, { signal });
    await progress.save((step + 1) / steps);
  }
}
