import { z } from 'zod';
import { Id } from '../../events/values.ts';
import { typePatterns } from '../../subscribers/event-types.ts';
import type { QueuedDelivery } from '../../subscribers/webhooks/asked-deliveries.ts';
import type { Webhook } from '../../subscribers/webhooks/webhooks.ts';

const Time = z.iso.datetime({ precision: 3 });

const shown = {
  id: Id,
  url: z.string(),
  types: z.array(z.enum(typePatterns)),
  description: z.string(),
  active: z.boolean(),
  disabled_at: Time.nullable().describe('When nothing was sent any more because of the receiver; null once it is active again.'),
  disabled_reason: z.string().nullable(),
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
    position: z.string().nullable().describe('Of the event; null for a test.'),
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

export function webhookView({ id, url, types, description, active, disabledAt, disabledReason, createdAt, updatedAt }: Webhook) {
  return {
    ...{ id, url, types, description, active },
    disabled_at: disabledAt?.toISOString() ?? null,
    disabled_reason: disabledReason,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

/** A delivery that was just queued. @param position of its event; null for a test, and where the read model does not have it yet */
export function queuedDeliveryView(
  { id, webhookId, kind, eventId, type, revision, stream, queuedAt }: QueuedDelivery,
  position: string | null,
) {
  const never = { first_attempt_at: null, last_attempt_at: null, next_attempt_at: null, settled_at: null };
  return {
    ...{ id, webhook_id: webhookId, kind, event_id: eventId, type, position, revision, partitionkey: stream, status: 'waiting' as const },
    ...{ attempts: 0, response_status: null, error: null, duration_ms: null, created_at: queuedAt.toISOString(), ...never },
  };
}
