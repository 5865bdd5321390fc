import { isNativeError } from 'node:util/types';

/** The database cannot be reached just now. Whether a statement that was under way took effect is not known. */
export class DatabaseUnavailable extends Error {
  constructor(cause: unknown) {
    super(`the database cannot be reached: ${reason(cause)}`, { cause });
    this.name = 'DatabaseUnavailable';
  }
}

/**
 * Whether an error means that the database is away, starting, stopping, full of connections or not answering, so that the same call may
 * succeed later; as opposed to a statement that was refused, a wrong password or a missing database.
 */
export function isConnectionFailure(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true;
  if (!isNativeError(error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined) return messagesOfPg.test(error.message);
  return states.test(code) || networkCodes.has(code) || (code === 'ENOENT' && syscall === 'connect');
}

/** Whether a statement was ended before it was done: by its timeout, or because nothing waits for it any longer. */
export function isStatementCancelled(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '57014';
}

/** The same error, or DatabaseUnavailable in the place of a vendor's connection failure. */
export function translated(error: unknown): unknown {
  return isConnectionFailure(error) && !(error instanceof DatabaseUnavailable) ? new DatabaseUnavailable(error) : error;
}

/** What went wrong, in a few words; a failure on all addresses of a host has no message of its own, only a code. */
function reason(cause: unknown): string {
  if (!isNativeError(cause)) return String(cause);
  return cause.message || (cause as NodeJS.ErrnoException).code || cause.name;
}

// SQLSTATE: connection exceptions (08), admin and crash shutdown and starting up (57P01 to 57P03), idle session ended (57P05, 25P03),
// too many connections (53300).
const states = /^(08...|57P0[1235]|25P03|53300)$/;

const networkCodes = new Set(
  'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN ENOTFOUND EAI_AGAIN'.split(' '),
);

// pg gives no code to what it finds out by itself.
const messagesOfPg =
  /^(Connection terminated|timeout expired|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable)/;
