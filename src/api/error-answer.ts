import { KeyUnreadable } from '../events/keys/key-vault.ts';
import { StoreOverloaded, StoreRefused, StoreUnavailable } from '../events/store/event-store.ts';
import { StorageUnavailable } from '../platform/files/file-storage.ts';
import { JobLimitReached, JobsOverloaded } from '../platform/jobs/definition.ts';
import { DatabaseUnavailable, isStatementCancelled } from '../platform/postgres/connection-failure.ts';
import { TooManyExports } from '../platform/postgres/exports.ts';
import { QueryTooSlow, TooManyReads } from '../platform/postgres/fair-reads.ts';
import { STATEMENT_TIMEOUT_MS } from '../platform/postgres/pool.ts';
import { ReadModelIncomplete } from '../projections/read-models.ts';
import { Rejection, type RejectionCode } from '../rejection.ts';
import { statusOf } from './error-table.ts';
import { RefusalWithHeaders } from './refusal-with-headers.ts';
import type { Answer } from './route.ts';
import type { ErrorView } from './views/error-view.ts';

/** What was thrown, as an answer. Of a fault of the service it says no more than that. */
export function errorAnswer(error: unknown, requestId: string): Answer & { body: ErrorView } {
  const { rejection, headers } = refusalOf(error);
  return answerOf(rejection ?? internalError, headers, requestId);
}

/** Whether it is neither the caller's doing nor that of a peer that is away (a peer that refuses needs an operator): it belongs in the log with all that is known of it. */
export function isFault(error: unknown): boolean {
  return error instanceof StoreRefused || refusalOf(error).rejection === null;
}

const internalError = new Rejection('INTERNAL_ERROR', 'Something went wrong on our side; the request id names it in our log');

interface Refusal {
  rejection: Rejection | null;
  headers: Readonly<Record<string, string>>;
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Rejection) return { rejection: error, headers: {} };
  if (error instanceof RefusalWithHeaders) return error;
  if (error instanceof StoreOverloaded) {
    return { rejection: new Rejection('OVERLOADED', 'More is being written than can be taken just now'), headers: {} };
  }
  if (error instanceof JobLimitReached)
    return { rejection: new Rejection('LIMIT_REACHED', error.message, [{ limit: error.limit }]), headers: {} };
  if (error instanceof JobsOverloaded) return { rejection: new Rejection('OVERLOADED', error.message), headers: {} };
  const ofRead = refusalOfRead(error);
  if (ofRead) return { rejection: ofRead, headers: {} };
  if (error instanceof ReadModelIncomplete) {
    return { rejection: new Rejection('DEPENDENCY_UNAVAILABLE', `${error.message} just now`, [{ part: 'projector' }]), headers: {} };
  }
  if (error instanceof KeyUnreadable) {
    const message = 'The key of this text cannot be opened just now; whoever runs the service finds it in the log';
    return { rejection: new Rejection('DEPENDENCY_UNAVAILABLE', message, [{ part: 'keys' }]), headers: {} };
  }
  const part = unavailablePart(error);
  if (!part) return { rejection: null, headers: {} };
  return { rejection: new Rejection('DEPENDENCY_UNAVAILABLE', `The ${part} cannot be reached just now`, [{ part }]), headers: {} };
}

function refusalOfRead(error: unknown): Rejection | undefined {
  if (error instanceof TooManyReads) return new Rejection('OVERLOADED', error.message);
  if (error instanceof TooManyExports) return new Rejection('LIMIT_REACHED', error.message, [{ limit: error.limit }]);
  const limit = error instanceof QueryTooSlow ? error.limit : isStatementCancelled(error) ? STATEMENT_TIMEOUT_MS / 1_000 : undefined;
  if (limit === undefined) return undefined;
  return new Rejection('QUERY_TOO_SLOW', `This took longer than ${limit} s; ask for less, or try again later`, [{ limit }]);
}

function unavailablePart(error: unknown): string | null {
  if (error instanceof StoreUnavailable) return 'eventstore';
  if (error instanceof StorageUnavailable) return 'storage';
  return error instanceof DatabaseUnavailable ? 'postgres' : null;
}

function answerOf(rejection: Rejection, headers: Refusal['headers'], requestId: string): Answer & { body: ErrorView } {
  const { code, message, details } = rejection;
  const body: ErrorView = { error: { code, message, request_id: requestId, details: details as ErrorView['error']['details'] } };
  return { status: statusOf[code], headers: { ...headersOf(rejection), ...headers }, body };
}

/** In seconds. */
const retryAfter: Partial<Record<RejectionCode, string>> = {
  OVERLOADED: '1',
  QUERY_TOO_SLOW: '5',
  DEPENDENCY_UNAVAILABLE: '2',
  SHUTTING_DOWN: '5',
  EXTERNAL_NOT_CONFIGURED: '3600',
};

/** In seconds: a rollout takes longer to end than an outage that a process recovers from by itself. */
const RETRY_AFTER_OLDER_INSTANCE = '5';

function headersOf({ code, details }: Rejection): Record<string, string> {
  if (statusOf[code] === 401) return { 'WWW-Authenticate': challenge(code) };
  const isOlderInstance = details.some((detail) => (detail as { part?: unknown }).part === 'older_instance');
  const seconds = isOlderInstance ? RETRY_AFTER_OLDER_INSTANCE : retryAfter[code];
  return seconds === undefined ? {} : { 'Retry-After': seconds };
}

/** RFC 6750, 3: a token that was sent and is no good is named so, and one that is missing is only asked for. */
function challenge(code: RejectionCode): string {
  const realm = 'Bearer realm="tasktrail"';
  return code.startsWith('TOKEN_') || code === 'SESSION_ENDED' ? `${realm}, error="invalid_token"` : realm;
}
