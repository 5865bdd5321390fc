import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { mailMigrations } from '../../src/platform/mail/schema.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { runWithout } from '../support/run-weakened.ts';
import type { OrderOfTurns } from './order-of-turns.ts';

let database: TestDatabase;
let pool: pg.Pool;
const [one, another] = [randomUUID(), randomUUID()];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.connectionString, { max: 1, applicationName: 'tests', onError: () => {} });
  await migrate(pool, [{ part: 'mail', migrations: mailMigrations }]);
}, 60_000);
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** One user has caused as many mails as an hour allows, then another causes one, to the same recipients as all others. */
async function orderWithout(defence: string): Promise<OrderOfTurns> {
  await pool.query('truncate notifications.mail_outbox');
  const queue = `insert into notifications.mail_outbox (kind, source_id, user_id, caused_by, due_at)
    select 'comment', gen_random_uuid(), $1, $2, now() - interval '1 minute' from generate_series(1, $3::integer)`;
  await pool.query(queue, [randomUUID(), one, 100]);
  await pool.query(queue.replace(" - interval '1 minute'", ''), [another, another, 1]);
  return runWithout(defence, 'platform/order-of-turns.ts', { DATABASE_URL: database.connectionString, ANOTHER: another });
}

test('a user who has filled a queue is followed by the other users in turn', async () => {
  const { filled, ...order } = await orderWithout('');
  // Of the feed: the one that was running, and the first that waited.
  expect([order.passwords < filled / 2, order.feed, order.isMailClaimed]).toEqual([true, 2, true]);
}, 60_000);

test.each([
  ['passwords are checked in turn', { passwords: true, feed: false, isMailClaimed: true }],
  ['pages of the feed are read in turn', { passwords: false, feed: true, isMailClaimed: true }],
  ['mails are sent in turn', { passwords: false, feed: false, isMailClaimed: false }],
] as const)(
  'without it the user who came first is first: %s',
  async (defence, late) => {
    const { filled, ...order } = await orderWithout(defence);
    const isLate = { passwords: order.passwords >= filled / 2, feed: order.feed === filled, isMailClaimed: order.isMailClaimed };
    expect(isLate).toEqual(late);
  },
  60_000,
);
