import type { UserEvent } from '../events/user/user-events.ts';
import type { Sql } from './database.ts';

/** Why something that outlives a credential must not go on, and which of it. */
export type CredentialEnd =
  /** What this token made. */
  | { cause: 'token_ended'; tokenId: string }
  /** What any session but this one made. */
  | { cause: 'password_changed'; keptSessionId: string }
  /** All of the account's. */
  | { cause: 'password_reset' | 'compromised' | 'account_disabled' }
  /** What the account's tokens made: it goes on, for good without what only an admin may see. */
  | { cause: 'role_lost' };

/**
 * Stops what outlives the credentials that end, in the transaction that ends them, under the lock of the account's row.
 * @returns the events of it, for the account's stream
 */
export type StopOutliving = (sql: Sql, userId: string, end: CredentialEnd, at: Date) => Promise<UserEvent[]>;
