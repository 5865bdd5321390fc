import type { RejectionCode } from '../rejection.ts';

/** What is kept of how the service was used and misused. */
export const securityEventKinds = [
  'login_failed',
  'token_reused',
  'access_refused',
  'role_changed',
  'account_disabled',
  'account_enabled',
  'account_erased',
] as const;
export type SecurityEventKind = (typeof securityEventKinds)[number];

/**
 * Something that those who look after the service may ask about: who, from where, by which request. It never holds what somebody typed:
 * people type passwords into every field there is.
 */
export interface SecurityEvent {
  kind: SecurityEventKind;
  /** Whose account it is about, or who was refused; null when that is not known. */
  userId: string | null;
  /** Who did it to that account; null when that is not known, or not somebody else. */
  actorId?: string;
  /** The address that it came from. */
  ip: string;
  requestId: string;
  /** What was refused: why, and at which route. */
  code?: RejectionCode;
  method?: string;
  path?: string;
  details?: Record<string, unknown>;
}

/** Days that they are kept. */
export const KEPT_DAYS = 90;
