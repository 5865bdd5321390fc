import type { AddressProofs } from '../accounts/address-proofs.ts';
import type { PersonalTokens } from '../accounts/personal-tokens.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { MailOutbox, RenderMail } from '../platform/mail/outbox.ts';
import type { QueuedMail } from '../platform/mail/outbox-table.ts';
import type { MailAddresses } from './mail-addresses.ts';
import type { MailContent } from './mail-templates.ts';
import { type ComposeMail, verifiedAddress } from './mails.ts';

export interface AccountMailsParts {
  outbox: Pick<MailOutbox, 'define'>;
  proofs: AddressProofs;
  addresses: MailAddresses;
  compose: ComposeMail;
  tokens: Pick<PersonalTokens, 'list'>;
  /** Where a webhook leads to; null when it is gone. */
  webhookUrl(webhookId: string): Promise<string | null>;
  /** The event that a mail tells of; null when the log has it no more. */
  eventOf(queued: QueuedMail): Promise<RecordedEvent | null>;
}

/** Mails about the account itself. Those with a link go to any address, all others to one that is verified, whatever is preferred. */
export function defineAccountMails(parts: AccountMailsParts): void {
  const { outbox, proofs, addresses, compose } = parts;
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
  for (const kind of [
    'password_changed',
    'email_changed',
    'access_token_created',
    'webhook_created',
    'webhook_changed',
    'webhook_disabled',
  ] as const) {
    outbox.define(kind, async (queued) => {
      const event = await parts.eventOf(queued);
      const to = event && (await addressFor(parts, kind, queued));
      const content = to && (await contentOf(parts, event, queued));
      return content ? compose(queued, to, content) : null;
    });
  }
}

/** Who is told of a new address is whoever had the one before. */
async function addressFor({ proofs }: AccountMailsParts, kind: string, { sourceId, userId }: QueuedMail): Promise<string | null> {
  if (kind !== 'email_changed') return verifiedAddress(proofs, userId);
  const former = await proofs.formerEmail(sourceId);
  return former?.wasVerified ? former.email : null;
}

async function contentOf(
  { tokens, webhookUrl }: AccountMailsParts,
  event: RecordedEvent,
  { userId }: QueuedMail,
): Promise<MailContent | null> {
  const at = moment(new Date(event.metadata.occurred_at));
  switch (event.type) {
    case 'UserPasswordChanged':
      return { kind: 'password_changed', at };
    case 'UserEmailChanged':
      return { kind: 'email_changed', at };
    case 'AccessTokenCreated': {
      const { token_id, scopes } = event.data;
      const name = (await tokens.list(userId!)).find(({ id }) => id === token_id)?.name ?? null;
      return { kind: 'access_token_created', at, name, scopes };
    }
    case 'WebhookCreated': {
      const url = await webhookUrl(event.data.webhook_id);
      return url === null ? null : { kind: 'webhook_created', url, at };
    }
    case 'WebhookChanged': {
      const url = await webhookUrl(event.data.webhook_id);
      return url === null ? null : { kind: 'webhook_changed', url, at, isMoved: 'url' in event.data.changes };
    }
    case 'WebhookDisabled': {
      const { webhook_id, reason } = event.data;
      const url = await webhookUrl(webhook_id);
      return url === null ? null : { kind: 'webhook_disabled', url, reason };
    }
    default:
      return null;
  }
}

/** As `2026-01-31 12:00 UTC`. */
export function moment(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
