import type { KeyObject } from 'node:crypto';
import type { AccountCall } from './account-call.ts';
import type { Caller, SessionCaller } from './caller.ts';
import type { StopOutliving } from './credential-end.ts';
import { type EmailAddressParts, requestEmailChange, requestVerification, verifyAddress } from './email-address.ts';
import { linkToken, type MailLink, readLink } from './mail-link.ts';
import { requestReset, requestResetFor, resetPassword } from './password-reset.ts';
import { readUser } from './profile.ts';
import type { User } from './user.ts';

/** An address that an account had until it was changed. */
export interface FormerEmail {
  email: string;
  wasVerified: boolean;
}

/** What people prove by reading their mail. Nothing is sent from here: mails are queued. All may throw DatabaseUnavailable. */
export interface AddressProofs {
  /** Tells nobody whether there is such an account, neither by its answer nor by its time. */
  requestPasswordReset(email: string): Promise<void>;
  /** @throws Rejection USER_NOT_FOUND */
  requestPasswordResetFor(userId: string): Promise<void>;
  /** Ends all sessions and personal tokens, and stops all webhooks. @throws Rejection LINK_INVALID, VALIDATION_FAILED, OVERLOADED */
  resetPassword(token: string, next: string, call: AccountCall): Promise<void>;
  /** @throws Rejection SESSION_ENDED */
  requestVerification(caller: Caller): Promise<void>;
  /** @throws Rejection PASSWORD_INCORRECT, EMAIL_TAKEN, SESSION_ENDED, OVERLOADED */
  requestEmailChange(caller: SessionCaller, change: { newEmail: string; password: string }): Promise<void>;
  /** Of the account's address, or of one that is to be. @throws Rejection LINK_INVALID, EMAIL_TAKEN */
  verify(token: string, call: AccountCall): Promise<void>;
  /** For the mail with the link: null when it holds no more. */
  link(linkId: string): Promise<(MailLink & { token: string }) | null>;
  /** Whom mails go to: null for who is erased or disabled. */
  recipient(userId: string): Promise<User | null>;
  /** By the event that told of the change; null when it is long ago. */
  formerEmail(eventId: string): Promise<FormerEmail | null>;
}

export interface AddressProofParts extends EmailAddressParts {
  stopOutliving: StopOutliving;
  linkKey: KeyObject;
  /** A mail was queued, and that is committed. */
  onQueued(): void;
  /** The account changed, and that is committed. */
  changed(userId: string): Promise<void>;
}

export function createAddressProofs(parts: AddressProofParts): AddressProofs {
  const { database, clock, linkKey, onQueued, changed } = parts;
  const queued = async (queueing: Promise<void>) => {
    await queueing;
    onQueued();
  };
  return {
    requestPasswordReset: (email) => queued(requestReset(parts, email)),
    requestPasswordResetFor: (userId) => queued(requestResetFor(parts, userId)),
    resetPassword: async (token, next, call) => changed(await resetPassword(parts, token, next, call)),
    requestVerification: (caller) => queued(requestVerification(parts, caller)),
    requestEmailChange: (caller, change) => queued(requestEmailChange(parts, caller, change)),
    verify: async (token, call) => changed(await verifyAddress(parts, token, call)),
    async link(linkId) {
      const link = await readLink(database, linkId, clock());
      return link && { ...link, token: linkToken(linkKey, link) };
    },
    async recipient(userId) {
      const user = await readUser(database, userId);
      return user?.isActive ? user : null;
    },
    async formerEmail(eventId) {
      const [former] = await database.rows<FormerEmail>(
        'select email, was_verified as "wasVerified" from accounts.former_emails where event_id = $1',
        [eventId],
      );
      return former ?? null;
    },
  };
}
