// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pieces of source are quoted as they are
import type { Weakening } from '../weakenings.ts';

/** A webhook is stopped by each end of the credentials that it rests on. */
const stops: readonly (Omit<Weakening, 'to'> & { to?: string })[] = [
  {
    name: 'a webhook ends with the token that made it',
    file: 'accounts/personal-tokens.ts',
    from: "await stopOutliving(sql, caller.id, { cause: 'token_ended', tokenId }, at)",
  },
  {
    name: 'a webhook ends with the token that made it',
    file: 'subscribers/webhooks/delivery-table.ts',
    from: 'sql.rows<Row>(claim,',
    to: "sql.rows<Row>(WITHOUT ? claim.replace(isBarred, 'false') : claim,",
  },
  {
    name: 'a webhook ends with the token that made it',
    file: 'subscribers/webhooks/follow-ups.ts',
    from: 'await dependencies.disableExpired();',
    to: 'if (!WITHOUT) await dependencies.disableExpired();',
  },
  {
    name: 'a webhook ends with a change of password in another session',
    file: 'accounts/password-change.ts',
    from: "await stopOutliving(sql, id, { cause: 'password_changed', keptSessionId: sessionId }, at)",
  },
  {
    name: 'webhooks end with a reset of the password',
    file: 'accounts/password-reset.ts',
    from: "await stopOutliving(sql, userId, { cause: 'password_reset' }, at)",
  },
  {
    name: 'webhooks end where an account may be compromised',
    file: 'accounts/compromise.ts',
    from: "await stopOutliving(sql, caller.id, { cause: 'compromised' }, at)",
  },
  {
    name: 'webhooks end with the account',
    file: 'accounts/account-changes.ts',
    from: "await stopOutliving(sql, userId, { cause: 'account_disabled' }, at)",
  },
  {
    name: 'webhooks end with the account',
    file: 'subscribers/webhooks/dispatch.ts',
    from: 'client.query<Receiver>(receivers,',
    to: "client.query<Receiver>(WITHOUT ? receivers.replace('and u.is_active', '') : receivers,",
  },
  {
    name: 'webhooks end with the account',
    file: 'subscribers/webhooks/render.ts',
    from: 'if (!owner.isActive) return',
    to: 'if (!owner.isActive && !WITHOUT) return',
  },
];

/** What keeps a webhook's owner, and everyone else, safe from the webhook. */
export const webhookDefences: readonly Weakening[] = [
  ...stops.map(({ to, ...stop }) => ({ ...stop, to: to ?? `WITHOUT ? [] : ${stop.from}` })),
  {
    name: 'a change of a webhook is answered before its deliveries are cancelled',
    file: 'subscribers/webhooks/webhooks.ts',
    from: 'if (!changed.active || changes.active) followUps.cancel(id);',
    to: `if (WITHOUT) await database.rows("update webhooks.deliveries set status = 'cancelled', settled_at = now() where webhook_id = $1 and status = 'waiting'", [id]);
      else if (!changed.active || changes.active) followUps.cancel(id);`,
  },
  {
    name: 'a webhook takes a verified address',
    file: 'subscribers/webhooks/webhooks.ts',
    from: 'if (proven.length === 0)',
    to: 'if (proven.length === 0 && !WITHOUT)',
  },
  {
    name: 'nothing is sent in the clear in production',
    file: 'platform/outbound/guarded-post.ts',
    from: "if (requireHttps && url.protocol !== 'https:')",
    to: "if (requireHttps && !WITHOUT && url.protocol !== 'https:')",
  },
  {
    name: 'redirects of the external service are not followed',
    file: 'platform/external.ts',
    from: "redirect: 'manual',",
    to: "redirect: WITHOUT ? 'follow' : 'manual',",
  },
  {
    name: 'a replay queues so many deliveries ahead of its receiver',
    file: 'subscribers/webhooks/replay.ts',
    from: 'const limit = Math.min(PAGE, MAX_AHEAD - ahead);',
    to: 'const limit = WITHOUT ? PAGE : Math.min(PAGE, MAX_AHEAD - ahead);',
  },
  {
    name: 'a replay queues so many deliveries ahead of its receiver',
    file: 'subscribers/webhooks/replay.ts',
    from: 'if (isFailing && ahead > 0)',
    to: 'if (isFailing && ahead > 0 && !WITHOUT)',
  },
  {
    name: 'sessions end',
    file: 'subscribers/webhooks/webhooks.ts',
    from: 'if (open.length === 0) throw',
    to: 'if (open.length === 0 && !WITHOUT) throw',
  },
  {
    name: 'tokens are revoked',
    file: 'subscribers/webhooks/webhooks.ts',
    from: 'const open = await sql.rows(isStillOpen,',
    to: 'const open = WITHOUT ? [null] : await sql.rows(isStillOpen,',
  },
];
