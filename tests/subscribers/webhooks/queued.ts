import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type Database, databaseOn } from '../../../src/accounts/database.ts';
import { accountMigrations } from '../../../src/accounts/schema.ts';
import { createKeyWrap } from '../../../src/events/keys/master-key.ts';
import { createGuardedPost } from '../../../src/platform/outbound/guarded-post.ts';
import { migrate } from '../../../src/platform/postgres/migrate.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { type Claimed, createDeliveryTable, type DeliveryTable } from '../../../src/subscribers/webhooks/delivery-table.ts';
import { createDeliveryUpkeep, type DeliveryUpkeep } from '../../../src/subscribers/webhooks/delivery-upkeep.ts';
import {
  type DeliveryWorkerParts,
  type DeliveryWorkers,
  startDeliveryWorkers,
} from '../../../src/subscribers/webhooks/delivery-workers.ts';
import { startFollowUps } from '../../../src/subscribers/webhooks/follow-ups.ts';
import { webhookMigrations } from '../../../src/subscribers/webhooks/schema.ts';
import { newSecret, sealSecret, webhookSecrets } from '../../../src/subscribers/webhooks/secret.ts';
import { keptLog } from '../../accounts/support.ts';
import { createTestDatabase } from '../../support/postgres.ts';

/** The tables of webhooks, and workers on them, without a log of events. */
export interface Queued {
  pool: pg.Pool;
  database: Database;
  table: DeliveryTable;
  upkeep: DeliveryUpkeep;
  /** @returns its id */
  webhook(url: string): Promise<string>;
  /** Queues so many events of a stream, from a revision on. */
  queue(webhookId: string, stream: string, count: number, more?: { from?: number; once?: boolean; kind?: string }): Promise<void>;
  /** Another instance, as it were. */
  workers(more?: Partial<DeliveryWorkerParts>): DeliveryWorkers;
  log: ReturnType<typeof keptLog>;
  /** Reasons by webhook. */
  disabled: Map<string, string>;
  deliveries(webhookId: string): Promise<Delivery[]>;
  /** Waits until nothing waits. */
  settled(webhookId: string): Promise<Delivery[]>;
  /** Stops all workers. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

export interface Delivery {
  number: string;
  stream: string;
  revision: number;
  kind: string;
  status: string;
  attempts: number;
  response_status: number | null;
  error: string | null;
  next_attempt_at: Date | null;
  last_attempt_at: Date | null;
  first_attempt_at: Date | null;
  settled_at: Date | null;
}

const secretWrap = createKeyWrap({ master: 'MASTER_KEY of the tests, long enough' }, webhookSecrets);
/** A thousandth of what is usual. */
export const quick = { pauses: [2, 5, 30, 120], spread: 0.2, giveUpAfter: 86_400 };

export const eventAt = (stream: string, revision: number) => ({ stream, revision });

export async function startQueued(): Promise<Queued> {
  const { connectionString, drop } = await createTestDatabase();
  const pool = createPool(connectionString, { max: 10, applicationName: 'tests', onError: () => {} });
  await migrate(pool, [
    { part: 'accounts', migrations: accountMigrations },
    { part: 'webhooks', migrations: webhookMigrations },
  ]);
  const database = databaseOn(pool);
  const table = createDeliveryTable(database);
  const upkeep = createDeliveryUpkeep(database);
  const log = keptLog();
  const followUps = startFollowUps({ upkeep, log, onDue: () => {}, disableExpired: async () => {} });
  const disabled = new Map<string, string>();
  let running: DeliveryWorkers[] = [];
  const owner = randomUUID();
  await pool.query(
    `insert into accounts.users (id, email, username, full_name, password_hash, role, created_at, log_revision)
     values ($1, 'owner@tasks.test', 'owner', '', '-', 'user', now(), 0)`,
    [owner],
  );
  const deliveries = (id: string) =>
    database.rows<Delivery>('select * from webhooks.deliveries where webhook_id = $1 order by number', [id]);

  return {
    ...{ pool, database, table, upkeep, log, disabled, deliveries },
    async webhook(url) {
      const id = randomUUID();
      await pool.query(
        `insert into webhooks.webhooks (id, user_id, url, types, description, without_admin, begun, created_at, updated_at)
         values ($1, $2, $3, '{*}', '', false, true, now(), now())`,
        [id, owner, url],
      );
      await pool.query('insert into webhooks.secrets (webhook_id, sealed) values ($1, $2)', [id, sealSecret(secretWrap, newSecret(), id)]);
      return id;
    },
    async queue(id, stream, count, { from = 0, once = false, kind = 'event' } = {}) {
      await pool.query(
        `with fresh as (
           insert into webhooks.deliveries (webhook_id, kind, event_id, stream, revision, type)
           select $1, $6, gen_random_uuid(), $2, r, 'tasktrail.task.edited.v1' from generate_series($3::integer, $3 + $4 - 1) r order by r returning *
         )
         insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at, once)
         select webhook_id, lane, stream, count(*), now(), $5 from fresh group by 1, 2, 3
         on conflict (webhook_id, lane, stream) do update set waiting = queues.waiting + excluded.waiting,
           due_at = case when queues.waiting = 0 then excluded.due_at else queues.due_at end`,
        [id, stream, from, count, once, kind],
      );
      for (const one of running) one.wake();
    },
    workers(more = {}) {
      const workers = startDeliveryWorkers({
        ...{ table, secretWrap, log, schedule: quick },
        render: async ({ stream, revision }: Claimed) => eventAt(stream, revision) as never,
        poster: createGuardedPost({ allowPrivate: true }),
        async disable(id, reason) {
          disabled.set(id, reason);
          await pool.query(
            'update webhooks.webhooks set active = false, disabled_at = now(), disabled_reason = $2 where id = $1 and active',
            [id, reason],
          );
        },
        cancel: followUps.cancel,
        ...more,
        timing: { answerWithin: 2_000, pollEvery: 5, ...more.timing },
      });
      workers.run();
      running.push(workers);
      return workers;
    },
    async settled(id) {
      for (const end = performance.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 10))) {
        const all = await deliveries(id);
        if (all.every(({ status }) => status !== 'waiting')) return all;
        if (performance.now() > end)
          throw new Error(`still waiting: ${JSON.stringify(all.filter(({ status }) => status === 'waiting')[0])}`);
      }
    },
    async rest() {
      await Promise.all(running.map((one) => one.close()));
      running = [];
    },
    async close() {
      await Promise.all([...running, followUps].map((one) => one.close()));
      await pool.end();
      await drop();
    },
  };
}
