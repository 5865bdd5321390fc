import { z } from 'zod';
import { Id } from '../../events/values.ts';
import { typePatterns } from '../../subscribers/event-types.ts';
import type { QueuedDelivery } from '../../subscribers/webhooks/asked-deliveries.ts';
import type { Webhook } from '../../subscribers/webhooks/webhooks.ts';
import { growing, PositionText } from '../forms.ts';

const Time = z.iso.datetime({ precision: 3 });

/** Closed. */
const disabledReasons = [
  'token_ended',
  'password_reset',
  'password_changed',
  'compromised',
  'account_disabled',
  'gone',
  'unreachable for a day',
] as const;

const shown = {
  id: Id,
  url: z.string(),
  types: z.array(growing(typePatterns)),
  description: z.string(),
  active: z.boolean(),
  made_by: z
    .strictObject({ kind: z.enum(['session', 'token']), token_id: Id.nullable() })
    .describe('Whose doing its creation, its address or its reactivation was, whichever came last.'),
  disabled_at: Time.nullable().describe('When the service stopped it; null once it is reactivated.'),
  disabled_reason: z
    .enum(disabledReasons)
    .nullable()
    .describe(
      '`gone` and `unreachable for a day` are about the receiver. After the others it receives nothing, not even a test, until it is reactivated: the token that made it ended, the password was reset or changed in another session, the account was said to be compromised, or disabled.',
    ),
  created_at: Time,
  updated_at: Time,
};

export const WebhookView = z.strictObject(shown).meta({ id: 'Webhook' });
export const WebhookWithSecretView = z
  .strictObject({ ...shown, secret: z.string().meta({ description: 'What is sent is signed with it. It is shown this once.' }) })
  .meta({ id: 'WebhookWithSecret' });

export const deliveryKinds = ['event', 'test', 'redelivery', 'replay'] as const;
export const deliveryStatuses = ['waiting', 'delivered', 'failed', 'withheld', 'cancelled'] as const;

export const DeliveryView = z
  .strictObject({
    id: Id,
    webhook_id: Id,
    kind: z.enum(deliveryKinds),
    event_id: Id.describe('The same in each delivery of the event: its `webhook-id`.'),
    type: z.string(),
    position: PositionText.nullable().describe('Of the event; null for a test.'),
    revision: z.int(),
    partitionkey: z.string().describe('The stream: what has the same one is sent in order.'),
    status: z
      .enum(deliveryStatuses)
      .describe(
        '`failed`: it is not tried again. `withheld`: the owner may not see it any more. `cancelled`: the webhook was not active when its turn came.',
      ),
    attempts: z.int(),
    response_status: z.int().nullable().describe('Of the last attempt; null where there was no answer.'),
    error: z.string().nullable().describe('Why the last attempt failed.'),
    duration_ms: z.int().nullable(),
    created_at: Time,
    first_attempt_at: Time.nullable(),
    last_attempt_at: Time.nullable(),
    next_attempt_at: Time.nullable(),
    settled_at: Time.nullable(),
  })
  .meta({ id: 'WebhookDelivery', description: 'An event on its way to a webhook. Kept for 30 days after it was settled.' });

export function webhookView({ id, url, types, description, active, tokenId, disabledAt, disabledReason, createdAt, updatedAt }: Webhook) {
  return {
    ...{ id, url, types, description, active },
    made_by: { kind: tokenId === null ? ('session' as const) : ('token' as const), token_id: tokenId },
    disabled_at: disabledAt?.toISOString() ?? null,
    disabled_reason: disabledReason as (typeof disabledReasons)[number] | null,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

/** A delivery that was just queued. @param position of its event; null for a test, and where the read model does not have it yet */
export function queuedDeliveryView(
  { id, webhookId, kind, eventId, type, revision, stream, status, queuedAt }: QueuedDelivery,
  position: string | null,
) {
  const never = {
    first_attempt_at: null,
    last_attempt_at: null,
    next_attempt_at: null,
    settled_at: status === 'waiting' ? null : queuedAt.toISOString(),
  };
  return {
    ...{ id, webhook_id: webhookId, kind, event_id: eventId, type, position, revision, partitionkey: stream, status },
    ...{ attempts: 0, response_status: null, error: null, duration_ms: null, created_at: queuedAt.toISOString(), ...never },
  };
}
