import type { Database } from '../../accounts/database.ts';
import { Rejection } from '../../rejection.ts';
import { testType } from './render.ts';

/** What is sent because somebody asked for just this: tried once, at once, whether or not the webhook is active. All throw DatabaseUnavailable. */
export interface AskedDeliveries {
  /** An event that says only that it arrives. @throws Rejection WEBHOOK_NOT_FOUND */
  test(userId: string, webhookId: string): Promise<QueuedDelivery>;
  /** The event of a delivery again, with the same id. @returns the new delivery. @throws Rejection WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND */
  redeliver(userId: string, webhookId: string, deliveryId: string): Promise<QueuedDelivery>;
}

/** A delivery as it was queued: nothing is read back once that is committed. */
export interface QueuedDelivery {
  id: string;
  webhookId: string;
  kind: 'test' | 'redelivery';
  eventId: string;
  stream: string;
  revision: number;
  type: string;
  queuedAt: Date;
}

/** @param queued told that there is something to be sent */
export function askedDeliveries(
  database: Database,
  requireOwn: (userId: string, webhookId: string) => Promise<unknown>,
  queued: () => void,
): AskedDeliveries {
  const queue = async (text: string, values: unknown[]): Promise<QueuedDelivery | undefined> => {
    const [made] = await database.rows<QueuedDelivery>(`${text} ${enqueue}`, values);
    if (made) queued();
    return made;
  };

  return {
    async test(userId, webhookId) {
      await requireOwn(userId, webhookId);
      const delivery = await queue(newTest, [webhookId, testType]);
      if (!delivery) throw new Rejection('WEBHOOK_NOT_FOUND', 'There is no such webhook');
      return delivery;
    },
    async redeliver(userId, webhookId, deliveryId) {
      await requireOwn(userId, webhookId);
      const delivery = await queue(again, [webhookId, deliveryId]);
      if (!delivery) throw new Rejection('DELIVERY_NOT_FOUND', 'There is no such delivery');
      return delivery;
    },
  };
}

const newTest = `
  with made as (
    insert into webhooks.deliveries (webhook_id, kind, lane, event_id, stream, revision, type)
    select id, 'test', gen_random_uuid(), gen_random_uuid(), 'webhook-' || id, 0, $2 from webhooks.webhooks where id = $1
    returning *
  )`;

const again = `
  with made as (
    insert into webhooks.deliveries (webhook_id, kind, lane, event_id, stream, revision, type)
    select webhook_id, case kind when 'test' then 'test' else 'redelivery' end, gen_random_uuid(), event_id, stream, revision, type
      from webhooks.deliveries where webhook_id = $1 and id = $2
    returning *
  )`;

const enqueue = `, queued as (
    insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at, once) select webhook_id, lane, stream, 1, now(), true from made
  )
  select id, webhook_id as "webhookId", kind, event_id as "eventId", stream, revision, type, queued_at as "queuedAt" from made`;
