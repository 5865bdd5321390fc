import type { AddressProofs } from '../accounts/address-proofs.ts';
import type { MailOutbox, RenderMail } from '../platform/mail/outbox.ts';
import type { MailAddresses } from './mail-addresses.ts';
import { type ComposeMail, verifiedAddress } from './mails.ts';

export interface AccountMailsParts {
  outbox: Pick<MailOutbox, 'define'>;
  proofs: AddressProofs;
  addresses: MailAddresses;
  compose: ComposeMail;
}

/** Mails about the account itself. Those with a link go to any address, all others to one that is verified, whatever is preferred. */
export function defineAccountMails({ outbox, proofs, addresses, compose }: AccountMailsParts): void {
  const withLink =
    (kind: 'verification' | 'password_reset' | 'email_change', addressOf: (token: string) => string): RenderMail =>
    async (queued) => {
      const link = await proofs.link(queued.sourceId);
      return link && compose(queued, link.to, { kind, url: addressOf(link.token) });
    };
  outbox.define('verification', withLink('verification', addresses.verification));
  outbox.define('email_change', withLink('email_change', addresses.verification));
  outbox.define('password_reset', withLink('password_reset', addresses.passwordReset));
  outbox.define('email_change_requested', async (queued) => {
    const to = await verifiedAddress(proofs, queued.userId);
    return to === null ? null : compose(queued, to, { kind: 'email_change_requested' });
  });
  outbox.define('password_changed', async (queued) => {
    const to = await verifiedAddress(proofs, queued.userId);
    return to === null ? null : compose(queued, to, { kind: 'password_changed', at: moment(queued.queuedAt) });
  });
  // The source is the event that tells of the change.
  outbox.define('email_changed', async (queued) => {
    const former = await proofs.formerEmail(queued.sourceId);
    return former?.wasVerified ? compose(queued, former.email, { kind: 'email_changed', at: moment(queued.queuedAt) }) : null;
  });
}

/** As `2026-01-31 12:00 UTC`. */
export function moment(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
