import type { Database } from '../../accounts/database.ts';
import { Rejection } from '../../rejection.ts';
import { testType } from './render.ts';
import { isBarred } from './stop-webhooks.ts';

/** What is sent because somebody asked for just this: tried once, at once, whether or not the webhook is active, unless its credentials ended. All throw DatabaseUnavailable. */
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
  /** Cancelled at once where the webhook receives nothing. */
  status: 'waiting' | 'cancelled';
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

// To a webhook whose credentials ended nothing is sent until it is reactivated.
const status = `case when ${isBarred} then 'cancelled' else 'waiting' end, case when ${isBarred} then now() end`;

const newTest = `
  with owner as materialized (
    select * from webhooks.webhooks where id = $1 for key share
  ), made as (
    insert into webhooks.deliveries (webhook_id, kind, lane, event_id, stream, revision, type, status, settled_at)
    select w.id, 'test', gen_random_uuid(), gen_random_uuid(), 'webhook-' || w.id, 0, $2, ${status} from owner w
    returning *
  )`;

const again = `
  with owner as materialized (
    select * from webhooks.webhooks where id = $1 for key share
  ), made as (
    insert into webhooks.deliveries (webhook_id, kind, lane, event_id, stream, revision, type, status, settled_at)
    select w.id, case d.kind when 'test' then 'test' else 'redelivery' end, gen_random_uuid(), d.event_id, d.stream, d.revision, d.type, ${status}
      from webhooks.deliveries d join owner w on w.id = d.webhook_id where d.id = $2
    returning *
  )`;

const enqueue = `, queued as (
    insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at, once)
    select webhook_id, lane, stream, 1, now(), true from made where status = 'waiting'
  )
  select id, webhook_id as "webhookId", kind, event_id as "eventId", stream, revision, type, status, queued_at as "queuedAt" from made`;
