import type { z } from 'zod';

/** How far a job has come. What is saved is where it goes on after its process has died. */
export interface Progress {
  /** From 0 to 1: where an earlier attempt has left off; 0 for the first. */
  readonly done: number;
  /** Never goes back. @throws DatabaseUnavailable */
  save(done: number): Promise<void>;
}

export interface JobInput<T> {
  data: T;
  progress: Progress;
  /** Who asked for it, where somebody did. */
  createdBy: string | null;
  /**
   * Aborts when the instance shuts down, and when another has taken the job over. What is thrown then counts as no failure: the job goes
   * on elsewhere from its saved progress.
   */
  signal: AbortSignal;
}

/**
 * Does the job. May be called again after it was interrupted at any point, the last one included.
 * @throws JobFailure when trying again is of no use; anything else is tried again, with growing pauses
 */
export type JobHandler<T> = (input: JobInput<T>) => Promise<void>;

export interface JobLimits {
  /** How many of its kind run on one instance at the same time. */
  concurrency: number;
  /** How many of its kind may wait. */
  queued: number;
}

export interface JobDefinition<T = unknown> {
  name: string;
  schema: z.ZodType<T>;
  handler: JobHandler<T>;
  limits: JobLimits;
}

/** The job cannot be done, and trying again would not help. The message is shown to whoever asks for the job. */
export class JobFailure extends Error {
  override name = 'JobFailure';
}

/** As many jobs of the kind wait as may. */
export class JobsOverloaded extends Error {
  override name = 'JobsOverloaded';
}
