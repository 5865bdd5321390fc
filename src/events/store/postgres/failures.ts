import { isConnectionFailure } from '../../../platform/postgres/connection-failure.ts';
import { StoreUnavailable } from '../event-store.ts';

/**
 * What an error of the database means for the statement it ended: refused for what it was; not carried out, though it may be some other
 * time; or not known, for the answer never came.
 */
export type Failure = 'refused' | 'not_written' | 'unknown';

export function failureOf(error: unknown): Failure {
  if (isConnectionFailure(error)) return 'unknown';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && passing.test(code) ? 'not_written' : 'refused';
}

/** StoreUnavailable in the place of what another try may heal. */
export function translateReadFailure(error: unknown): Error {
  if (failureOf(error) !== 'refused') return new StoreUnavailable('not_written', error);
  return new Error('The event log could not be read', { cause: error });
}

// SQLSTATE: read only (a standby), rolled back for concurrency (40), out of resources (53), not in the right state, a lock or object in
// use (55), cancelled or shut down (57), trouble outside PostgreSQL (58).
const passing = /^(25006|40...|53...|55...|57...|58...)$/;
