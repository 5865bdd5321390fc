import type { CredentialEnd, StopOutliving } from '../../accounts/credential-end.ts';

/** Why a webhook was stopped with the credentials that it rests on. */
type CredentialReason = Exclude<CredentialEnd['cause'], 'role_lost'>;

const credentialReasons: Record<CredentialReason, true> = {
  token_ended: true,
  password_reset: true,
  password_changed: true,
  compromised: true,
  account_disabled: true,
};

const listed = Object.keys(credentialReasons)
  .map((reason) => `'${reason}'`)
  .join(', ');

/**
 * SQL: whether a webhook, as `w`, receives nothing at all, not even a test: its credentials ended, or its token just expired. One that is
 * merely not active receives what is asked for by itself.
 */
export const isBarred = `(
  coalesce(w.disabled_reason in (${listed}), false)
  or (w.made_by_token is not null and not coalesce(
    (select token.ended_at is null and (token.expires_at is null or token.expires_at > now())
       from accounts.access_tokens token where token.id = w.made_by_token), false)))`;

/** Stops the webhooks that rest on credentials that end. Those that were not active already are barred without an event. */
export const stopWebhooks: StopOutliving = async (sql, userId, end, at) => {
  if (end.cause === 'role_lost') {
    await sql.rows('update webhooks.webhooks set without_admin = true where user_id = $1 and made_by_token is not null', [userId]);
    return [];
  }
  const tokenId = end.cause === 'token_ended' ? end.tokenId : null;
  const keptSessionId = end.cause === 'password_changed' ? end.keptSessionId : null;
  const { cause } = end;
  const stopped = await sql.rows<{ id: string; wasActive: boolean }>(stop, [userId, cause, at, tokenId, keptSessionId]);
  return stopped
    .filter(({ wasActive }) => wasActive)
    .map(({ id }) => ({ type: 'WebhookDisabled', data: { webhook_id: id, reason: cause } }));
};

const stop = `
  with affected as materialized (
    select id, active from webhooks.webhooks w
     where user_id = $1 and not coalesce(disabled_reason in (${listed}), false)
       and ($4::uuid is null or made_by_token = $4)
       and ($5::uuid is null or (made_by_token is null and made_by_session is distinct from $5))
     order by id for no key update
  )
  update webhooks.webhooks w set active = false, disabled_at = $3, disabled_reason = $2, updated_at = $3
    from affected where w.id = affected.id
  returning w.id, affected.active as "wasActive"`;

/** The active webhooks whose token has expired, which no command ended. */
export const withExpiredToken = `
  select w.id from webhooks.webhooks w join accounts.access_tokens token on token.id = w.made_by_token
   where w.active and (token.ended_at is not null or token.expires_at <= now())`;
