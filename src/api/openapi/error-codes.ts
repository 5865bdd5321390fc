import { z } from 'zod';
import { Scope } from '../../accounts/scope.ts';
import { Status } from '../../events/values.ts';
import type { RejectionCode } from '../../rejection.ts';
import { statusOf } from '../error-table.ts';
import { growing } from '../forms.ts';
import { EventInTheWay } from '../revision-mismatch.ts';
import { BulkResultView } from '../views/bulk-view.ts';
import { FaultView } from '../views/error-view.ts';
import type { JsonSchema, Schemas } from './schemas.ts';

/** The reasons for every code. A code without one does not compile. */
const reasons = {
  MALFORMED_JSON: 'The body is not JSON.',
  MALFORMED_REQUEST: 'The request cannot be read: its target, headers or nesting.',
  CANNOT_SHARE_WITH_SELF: 'A task cannot be shared with the caller.',
  LINK_INVALID: 'The token of a mailed link was used, has expired or never existed.',
  NOT_AUTHENTICATED: 'The request has no token, and needs one.',
  TOKEN_INVALID: 'The token is not one of this service.',
  TOKEN_EXPIRED: 'The token has expired: refresh it, or sign in.',
  SESSION_ENDED: 'The session or personal token was ended: sign in again.',
  INVALID_CREDENTIALS: 'There is no such account, or the password is wrong.',
  TOKEN_REUSED: 'The refresh token was used before: its session has ended.',
  FORBIDDEN: 'The caller sees the resource, and may not do this with it.',
  ADMIN_ONLY: 'This is for admins.',
  INSUFFICIENT_SCOPE: 'The personal token lacks a scope.',
  SESSION_REQUIRED: 'No personal token will do: sign in.',
  ACCOUNT_DISABLED: 'The account is disabled.',
  PASSWORD_INCORRECT: 'The password is not that of the caller.',
  EMAIL_NOT_VERIFIED: 'The e-mail address has to be verified first.',
  ASSIGNEE_HAS_NO_ACCESS: 'An editor assigns tasks to users who may edit them.',
  REGISTRATION_CLOSED: 'Admins make accounts here.',
  ROUTE_NOT_FOUND: 'Nothing is served at this path.',
  TASK_NOT_FOUND: 'There is no such task, or the caller may not see it.',
  USER_NOT_FOUND: 'There is no such user.',
  TAG_NOT_FOUND: 'The task does not have this tag.',
  SHARE_NOT_FOUND: 'The task is not shared with this user.',
  COMMENT_NOT_FOUND: 'The task has no such comment.',
  FILE_NOT_FOUND: 'There is no such file, or the caller may not see its task.',
  REVISION_NOT_FOUND: 'The task has not reached this revision.',
  ACCESS_TOKEN_NOT_FOUND: 'The caller has no such personal token.',
  SESSION_NOT_FOUND: 'The caller has no such session.',
  WEBHOOK_NOT_FOUND: 'The caller has no such webhook.',
  DELIVERY_NOT_FOUND: 'The webhook has no such delivery.',
  NOTIFICATION_NOT_FOUND: 'The caller has no such notification.',
  JOB_NOT_FOUND: 'There is no such job, or it ended more than a day ago.',
  PROJECTION_NOT_FOUND: 'There is no such read model.',
  DEAD_LETTER_NOT_FOUND: 'There is no such dead letter.',
  METHOD_NOT_ALLOWED: 'The path takes other methods: `Allow` names them.',
  NOT_ACCEPTABLE: '`Accept` excludes every type that the route answers with.',
  REQUEST_TIMEOUT: 'The request did not arrive in time.',
  INVALID_TRANSITION: 'The workflow does not lead from the status of the task to this one.',
  EMAIL_TAKEN: 'Another account has this e-mail address.',
  USERNAME_TAKEN: 'Another account has, or had, this username.',
  ALREADY_SHARED: 'The task is shared with this user already.',
  ALREADY_OWNER: 'This user owns the task.',
  LAST_ADMIN: 'At least one active admin has to remain.',
  UNDO_CONFLICT: 'Later events have changed the same: the details are these events.',
  NOTHING_TO_UNDO: 'The caller has no change here that could be undone.',
  BULK_REFUSED: 'At least one task refuses an atomic call: the details are the results.',
  WRITE_CONTENTION: 'The command lost ten races against other writes: try again.',
  LIMIT_REACHED: 'There are as many of these as there may be.',
  REBUILD_RUNNING: 'This read model is being rebuilt already.',
  FILE_PURGED: 'The content of the file is gone for good.',
  REVISION_MISMATCH: 'The task is at another revision: the details are the events in between.',
  BODY_TOO_LARGE: 'The body is larger than it may be.',
  FILE_TOO_LARGE: 'The file is larger than it may be.',
  STORAGE_QUOTA_EXCEEDED: 'The files of the user would take more bytes than they may.',
  URI_TOO_LONG: 'The target of the request is too long.',
  UNSUPPORTED_MEDIA_TYPE: 'The body is of another type, encoding or coding than the route takes.',
  FILE_TYPE_NOT_ALLOWED: 'Files of this type are not taken, or the content is not what the name says.',
  RANGE_NOT_SATISFIABLE: 'The file has no such bytes.',
  VALIDATION_FAILED: 'The request is not valid: the details name everything that is wrong.',
  IDEMPOTENCY_KEY_REUSED: 'The key came with another body before.',
  INVALID_CURSOR: 'The cursor belongs to another list, or is none.',
  WEBHOOK_URL_FORBIDDEN: 'Webhooks are not sent to this address.',
  RATE_LIMITED: 'Too many requests: wait as long as `Retry-After` says.',
  INTERNAL_ERROR: 'Something went wrong in the service.',
  TRANSFER_CODING_UNKNOWN: 'The only transfer coding that is read is chunked.',
  EXTERNAL_FAILED: 'The external service failed.',
  OVERLOADED: 'More is asked for than can be done now: try again.',
  QUERY_TOO_SLOW: 'The query took too long: ask for less.',
  DEPENDENCY_UNAVAILABLE: 'A part that the service depends on cannot be reached: try again.',
  SHUTTING_DOWN: 'This instance is shutting down: try again.',
  EXTERNAL_NOT_CONFIGURED: 'No external service is configured.',
  EXTERNAL_TIMEOUT: 'The external service did not answer in time.',
} as const satisfies Record<RejectionCode, string>;

const bytes = z.int().nonnegative();
const limit = z.strictObject({ limit: z.int().nonnegative() });
const path = z.strictObject({ path: z.string() });
const permission = z.enum(['view', 'edit', 'owner', 'admin']);
const parts = ['eventstore', 'postgres', 'projector', 'storage', 'clock', 'keys', 'older_instance'] as const;

/** What each of the details of an error is, for the codes that have details. */
const details: Partial<Record<RejectionCode, z.ZodType>> = {
  FORBIDDEN: z.strictObject({ needed: permission, have: permission.nullable() }),
  INSUFFICIENT_SCOPE: z.strictObject({ needed: growing(Scope.options), have: z.array(growing(Scope.options)) }),
  INVALID_TRANSITION: z.strictObject({ path: z.string(), from: Status, to: Status, allowed: z.array(Status) }),
  EMAIL_TAKEN: path,
  USERNAME_TAKEN: path,
  UNDO_CONFLICT: EventInTheWay,
  BULK_REFUSED: BulkResultView,
  LIMIT_REACHED: limit,
  REVISION_MISMATCH: EventInTheWay,
  BODY_TOO_LARGE: limit,
  FILE_TOO_LARGE: limit,
  STORAGE_QUOTA_EXCEEDED: z.strictObject({ limit: bytes, used: bytes }),
  VALIDATION_FAILED: FaultView,
  QUERY_TOO_SLOW: z.strictObject({ limit: z.number().describe('In seconds.') }),
  DEPENDENCY_UNAVAILABLE: z.strictObject({ part: growing(parts) }),
};

/** Of the proxy that the service is shipped with. */
const ofProxy = {
  status: 502,
  description: 'No instance could be reached; with 504 it did not answer in time. Sent by a proxy.',
  details: null,
};

export interface ErrorCodes {
  /** By code: its status, its reason, and the schema of each of its details. */
  table: JsonSchema;
  schemas: Record<string, JsonSchema>;
}

/** Every code that an error can have: `x-error-codes` of the document. */
export function errorCodes(schemas: Schemas): ErrorCodes {
  const codes = Object.keys(reasons) as RejectionCode[];
  const described = codes.map((code) => {
    const $ref = details[code] === undefined ? null : { $ref: `#/components/schemas/${nameOf(code)}` };
    return [code, { status: statusOf[code], description: reasons[code], details: $ref }];
  });
  const own = codes.flatMap((code) => (details[code] === undefined ? [] : [[nameOf(code), schemas.output(details[code])]]));
  return { table: { ...Object.fromEntries(described), PROXY_FAILED: ofProxy }, schemas: Object.fromEntries(own) };
}

/** As `DetailsInvalidTransition`. */
function nameOf(code: RejectionCode): string {
  const words = code.split('_').map((word) => word[0]! + word.slice(1).toLowerCase());
  return `Details${words.join('')}`;
}
