import { ErrorType } from '@eventstore/db-client';
import { StoreRefused, StoreUnavailable } from '../event-store.ts';

/** Nothing was heard for so long that the connection is taken for dead. */
export class Unanswered extends Error {
  override name = 'Unanswered';
}

// What the server says of a request that it would refuse again. Anything else may be otherwise in a moment, and is to be called passing:
// the client reports outages in many shapes, some of them with neither type nor message.
const refusals = new Set<unknown>([
  ErrorType.WRONG_EXPECTED_VERSION,
  ErrorType.STREAM_NOT_FOUND,
  ErrorType.STREAM_DELETED,
  ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED,
  ErrorType.ACCESS_DENIED,
  ErrorType.INVALID_ARGUMENT,
  ErrorType.INVALID_TRANSACTION,
  ErrorType.MISSING_REQUIRED_METADATA_PROPERTY,
  ErrorType.UNSUPPORTED,
]);

/** Of gRPC: invalid argument, permission denied, resource exhausted (a message too large), unimplemented, unauthenticated. */
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;
const refusingCodes = new Set<unknown>([3, PERMISSION_DENIED, 8, 12, UNAUTHENTICATED]);

interface ClientError {
  type?: unknown;
  code?: unknown;
}

/** Whether another try may succeed; an append that failed so may have been written. */
export function isPassing(error: unknown): boolean {
  const { type, code } = error as ClientError;
  return !(error instanceof TypeError || refusals.has(type) || refusingCodes.has(code));
}

export function isOfType(error: unknown, type: ErrorType): boolean {
  return (error as ClientError).type === type;
}

/** The position to read from lies within a record, not before one: the server can only say that something was wrong. */
export function mayBeMisplaced(error: unknown): boolean {
  return (error as ClientError).code === 2 && error instanceof Error && error.message.includes('ReadAllResult');
}

/** Whether the credentials of EVENTSTORE_URL are not, or no longer, those of a user who may do this. */
export function isDenied(error: unknown): boolean {
  const { type, code } = error as ClientError;
  return type === ErrorType.ACCESS_DENIED || code === PERMISSION_DENIED || code === UNAUTHENTICATED;
}

/** StoreUnavailable in the place of what another try, or an operator, may heal. */
export function translateReadFailure(error: unknown): Error {
  if (error instanceof StoreUnavailable) return error;
  if (isPassing(error)) return new StoreUnavailable('not_written', error);
  if (isDenied(error)) return denied('to be read', error);
  return new Error(`EventStoreDB refused to be read: ${reasonOf(error)}`, { cause: error });
}

/** @param what was refused, after "EventStoreDB refused" */
export function denied(what: string, cause: unknown): StoreRefused {
  return new StoreRefused(
    `EventStoreDB refused ${what}: the user or password in EVENTSTORE_URL is wrong, or may not do it (${reasonOf(cause)})`,
    cause,
  );
}

/** What went wrong, in a few words. Many errors of the client have no message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { type, code } = error as ClientError;
  return error.message || [type, code].filter((part) => part !== undefined).join(' ') || error.name;
}
