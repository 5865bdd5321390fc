import type { z } from 'zod';

/** How far a job has come. What is saved is where it goes on after its process has died. */
export interface Progress {
  /** From 0 to 1: where an earlier attempt has left off; 0 for the first. */
  readonly done: number;
  /**
   * Never goes back.
   * @param part what the job leaves of this step for its result; of a step that is repeated, what was left first counts
   * @throws DatabaseUnavailable
   */
  save(done: number, part?: ResultPart): Promise<void>;
}

/** A piece of a job's result. It holds no text of users: an erasure does not look for any there. */
export interface ResultPart {
  /** Its place among the others. */
  number: number;
  content: unknown;
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

/** Whom a job is started for, and how many unfinished ones of the same group that person or address may have. */
export interface JobShare {
  /** Of a user, or of a client address. Jobs without one are the service's own: they are not counted, and come first. */
  of: string;
  /** Jobs of several kinds may be counted together. */
  group: string;
  limit: number;
  /** Of one key, at most one job is unfinished. */
  key?: string;
}

export interface StartOptions {
  /** Who may see it, where not everyone may. */
  createdBy?: string;
  id?: string;
  share?: JobShare;
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

/** There is nothing to do just now: the job is put back and goes on from its saved progress, after so many seconds. No attempt is counted. */
export class JobLater extends Error {
  override name = 'JobLater';
  readonly seconds: number;
  constructor(seconds: number) {
    super('The job goes on later');
    this.seconds = seconds;
  }
}

/** One person or address has as many unfinished jobs as it may. */
export class JobLimitReached extends Error {
  override name = 'JobLimitReached';
  readonly limit: number;
  constructor(message: string, limit: number) {
    super(message);
    this.limit = limit;
  }
}

/** As many jobs of the kind wait as may. */
export class JobsOverloaded extends Error {
  override name = 'JobsOverloaded';
}
