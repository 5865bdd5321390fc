import { z } from 'zod';
import type { CommandCall } from '../commands/command-call.ts';
import { Id } from '../events/values.ts';
import { JobFailure, type JobInput, type JobLimits } from '../platform/jobs/definition.ts';
import type { Queries } from '../queries/queries.ts';
import { Rejection } from '../rejection.ts';
import type { UndoRuns } from './undo-runs.ts';

export const undoJob = 'undo';
export const undoJobLimits: JobLimits = { concurrency: 1, queued: 100 };

/** A run that is taken back behind the caller's back. */
export const UndoJob = z.strictObject({
  run: z
    .strictObject({ operationId: z.string(), requestId: z.string(), tokenId: Id, actorId: Id, from: z.string(), to: z.string(), by: Id })
    .partial(),
  actor: z.strictObject({ id: Id, isAdmin: z.boolean(), kind: z.enum(['user', 'token']) }),
  tokenId: Id.optional(),
  sessionId: Id.optional(),
  operationId: Id,
  requestId: z.string(),
});
export type UndoJob = z.output<typeof UndoJob>;

export interface UndoJobParts {
  runs: UndoRuns;
  queries: Pick<Queries, 'findRun'>;
  /** Waits until the read model of the activity has all that is in the log now. @throws what the signal aborts with */
  untilCurrent(signal: AbortSignal): Promise<void>;
  /** Who somebody is by now. @throws Rejection USER_NOT_FOUND */
  account(userId: string): Promise<{ role: 'user' | 'admin'; isActive: boolean }>;
  /** Whether the token has ended, or the session was ended because it may be another person's. */
  isRevoked(proof: Pick<UndoJob, 'tokenId' | 'sessionId'>): Promise<boolean>;
}

const CHUNK = 100;

/**
 * Takes a run back a hundred tasks at a time. What an interrupted attempt had done already is found to be done: nothing is taken back
 * twice. What others have changed since is left, and the result of the job says what that was.
 */
export function runUndoJob({ runs, queries, untilCurrent, account, isRevoked }: UndoJobParts) {
  return async ({ data, progress, signal }: JobInput<UndoJob>): Promise<void> => {
    await untilCurrent(signal);
    const touched = await queries.findRun(data.run);
    const done = Math.floor((progress.done * touched.length) / CHUNK) * CHUNK;
    for (let next = done; next < touched.length; next += CHUNK) {
      signal.throwIfAborted();
      await requireStill(data.actor, account);
      if (await isRevoked(data)) throw new JobFailure('The session or token that started this was revoked');
      const { errors, kept } = await runs.takeBack(touched.slice(next, next + CHUNK), data.run, callOf(data));
      const fault = errors.find((error) => !(error instanceof Rejection));
      if (fault !== undefined) throw fault;
      await progress.save(Math.min((next + CHUNK) / touched.length, 1), { number: next / CHUNK, content: kept });
    }
  };
}

function callOf({ run: _, tokenId, sessionId, ...rest }: UndoJob): CommandCall {
  const by = { ...(tokenId !== undefined && { tokenId }), ...(sessionId !== undefined && { sessionId }) };
  return { ...rest, ...by, at: new Date().toISOString() };
}

/** Rights that were taken away meanwhile are gone for what is left of the job. */
async function requireStill({ id, isAdmin }: UndoJob['actor'], account: UndoJobParts['account']): Promise<void> {
  const now = await account(id).catch((error: unknown) => {
    if (error instanceof Rejection) return null;
    throw error;
  });
  if (!now?.isActive) throw new JobFailure('Whoever asked for it has no active account any more');
  if (isAdmin && now.role !== 'admin') throw new JobFailure('Whoever asked for it is no admin any more');
}
