import type { Database } from '../../accounts/database.ts';
import { Rejection } from '../../rejection.ts';
import { testType } from './render.ts';

/** What is sent because somebody asked for just this: tried once, at once, whether or not the webhook is active. All throw DatabaseUnavailable. */
export interface AskedDeliveries {
  /** An event that nothing is told by but that it arrives. @returns the delivery's id. @throws Rejection WEBHOOK_NOT_FOUND */
  test(userId: string, webhookId: string): Promise<string>;
  /** The event of a delivery again, with the same id. @returns the new delivery's id. @throws Rejection WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND */
  redeliver(userId: string, webhookId: string, deliveryId: string): Promise<string>;
}

/** @param queued told that there is something to be sent */
export function askedDeliveries(
  database: Database,
  requireOwn: (userId: string, webhookId: string) => Promise<unknown>,
  queued: () => void,
): AskedDeliveries {
  const queue = async (text: string, values: unknown[]): Promise<string | undefined> => {
    const [made] = await database.rows<{ id: string }>(`${text} ${enqueue}`, values);
    if (made) queued();
    return made?.id;
  };

  return {
    async test(userId, webhookId) {
      await requireOwn(userId, webhookId);
      const id = await queue(newTest, [webhookId, testType]);
      if (id === undefined) throw new Rejection('WEBHOOK_NOT_FOUND', 'There is no such webhook');
      return id;
    },
    async redeliver(userId, webhookId, deliveryId) {
      await requireOwn(userId, webhookId);
      const id = await queue(again, [webhookId, deliveryId]);
      if (id === undefined) throw new Rejection('DELIVERY_NOT_FOUND', 'There is no such delivery');
      return id;
    },
  };
}

const newTest = `
  with made as (
    insert into webhooks.deliveries (webhook_id, kind, lane, event_id, stream, revision, type)
    select id, 'test', gen_random_uuid(), gen_random_uuid(), 'webhook-' || id, 0, $2 from webhooks.webhooks where id = $1
    returning id, webhook_id, lane, stream
  )`;

const again = `
  with made as (
    insert into webhooks.deliveries (webhook_id, kind, lane, event_id, stream, revision, type)
    select webhook_id, case kind when 'test' then 'test' else 'redelivery' end, gen_random_uuid(), event_id, stream, revision, type
      from webhooks.deliveries where webhook_id = $1 and id = $2
    returning id, webhook_id, lane, stream
  )`;

const enqueue = `, queued as (
    insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at, once) select webhook_id, lane, stream, 1, now(), true from made
  )
  select id from made`;
