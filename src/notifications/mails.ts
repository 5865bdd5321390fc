import type { AddressProofs } from '../accounts/address-proofs.ts';
import type { PreferenceStore } from '../accounts/preferences.ts';
import type { Mail } from '../platform/mail/mailer.ts';
import type { QueuedMail } from '../platform/mail/outbox-table.ts';
import type { MailAddresses } from './mail-addresses.ts';
import { isEndable, type MailContent, renderMail } from './mail-templates.ts';

export interface MailsParts {
  addresses: MailAddresses;
  /** The address that mails come from, with or without a name. */
  from: string;
  preferences: Pick<PreferenceStore, 'unsubscribeToken'>;
}

/** Makes the mail that a queued one stands for. `concerns`: whom it speaks of, beside the recipient. */
export type ComposeMail = (queued: QueuedMail, to: string, content: MailContent, concerns?: readonly string[]) => Mail;

/** Its `Message-ID` follows from what it tells of and whom: mailboxes know a second one by it. */
export function mailComposer({ addresses, from, preferences }: MailsParts): ComposeMail {
  const domain = /@([^\s>]+)>?$/.exec(from)?.[1] ?? 'localhost';
  return ({ sourceId, userId }, to, content, concerns = []) => {
    const token = userId !== null && isEndable(content.kind) ? preferences.unsubscribeToken(userId) : undefined;
    return {
      to,
      ...renderMail(content, token && addresses.unsubscribing(token)),
      concerns: [...new Set([...(userId === null ? [] : [userId]), ...concerns])],
      messageId: `${sourceId}.${userId}@${domain}`,
      ...(token !== undefined && { unsubscribeUrl: addresses.oneClick(token) }),
    };
  };
}

/** The address of somebody who may be written to: whoever has verified it, and is active. */
export async function verifiedAddress(proofs: Pick<AddressProofs, 'recipient'>, userId: string | null): Promise<string | null> {
  const user = userId === null ? null : await proofs.recipient(userId);
  return user?.emailVerified ? user.email : null;
}
