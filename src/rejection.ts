/** Every reason for which a command or query is refused: the codes of the API, without their statuses. Closed. */
export const rejectionCodes = [
  'MALFORMED_JSON',
  'MALFORMED_REQUEST',
  'CANNOT_SHARE_WITH_SELF',
  'LINK_INVALID',
  'NOT_AUTHENTICATED',
  'TOKEN_INVALID',
  'TOKEN_EXPIRED',
  'SESSION_ENDED',
  'INVALID_CREDENTIALS',
  'TOKEN_REUSED',
  'FORBIDDEN',
  'ADMIN_ONLY',
  'INSUFFICIENT_SCOPE',
  'SESSION_REQUIRED',
  'ACCOUNT_DISABLED',
  'PASSWORD_INCORRECT',
  'EMAIL_NOT_VERIFIED',
  'ASSIGNEE_HAS_NO_ACCESS',
  'REGISTRATION_CLOSED',
  'ROUTE_NOT_FOUND',
  'TASK_NOT_FOUND',
  'USER_NOT_FOUND',
  'TAG_NOT_FOUND',
  'SHARE_NOT_FOUND',
  'COMMENT_NOT_FOUND',
  'FILE_NOT_FOUND',
  'REVISION_NOT_FOUND',
  'ACCESS_TOKEN_NOT_FOUND',
  'SESSION_NOT_FOUND',
  'WEBHOOK_NOT_FOUND',
  'DELIVERY_NOT_FOUND',
  'NOTIFICATION_NOT_FOUND',
  'JOB_NOT_FOUND',
  'PROJECTION_NOT_FOUND',
  'DEAD_LETTER_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'NOT_ACCEPTABLE',
  'REQUEST_TIMEOUT',
  'FILE_PURGED',
  'URI_TOO_LONG',
  'RANGE_NOT_SATISFIABLE',
  'INVALID_TRANSITION',
  'EMAIL_TAKEN',
  'USERNAME_TAKEN',
  'ALREADY_SHARED',
  'ALREADY_OWNER',
  'LAST_ADMIN',
  'UNDO_CONFLICT',
  'NOTHING_TO_UNDO',
  'BULK_REFUSED',
  'WRITE_CONTENTION',
  'LIMIT_REACHED',
  'REBUILD_RUNNING',
  'REVISION_MISMATCH',
  'BODY_TOO_LARGE',
  'FILE_TOO_LARGE',
  'STORAGE_QUOTA_EXCEEDED',
  'UNSUPPORTED_MEDIA_TYPE',
  'FILE_TYPE_NOT_ALLOWED',
  'VALIDATION_FAILED',
  'IDEMPOTENCY_KEY_REUSED',
  'INVALID_CURSOR',
  'WEBHOOK_URL_FORBIDDEN',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
  'TRANSFER_CODING_UNKNOWN',
  'EXTERNAL_FAILED',
  'OVERLOADED',
  'QUERY_TOO_SLOW',
  'DEPENDENCY_UNAVAILABLE',
  'SHUTTING_DOWN',
  'EXTERNAL_NOT_CONFIGURED',
  'EXTERNAL_TIMEOUT',
] as const;

export type RejectionCode = (typeof rejectionCodes)[number];

/** A refusal that the caller is to understand. Anything else that is thrown is a fault of the service. */
export class Rejection extends Error {
  override name = 'Rejection';
  readonly code: RejectionCode;
  /** What a program needs to act on it, in the shape that the code promises. */
  readonly details: readonly unknown[];
  constructor(code: RejectionCode, message: string, details: readonly unknown[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
