import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Client, createClient } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';

let testDatabase: TestDatabase;
let database: pg.Client;
let weakened: Weakened;
let ann: Client;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  weakened = await startWeakened({ sameStores: { DATABASE_URL: testDatabase.connectionString, WEBHOOK_ALLOW_PRIVATE: 'true' } });
  const body = { email: 'ann@tasks.test', username: 'ann', password: 'Passw0rd-of-mine' };
  const { access_token: token, user } = (await createClient(weakened.url).post('/auth/register', body)).body;
  ann = { ...createClient(weakened.url, token), id: user.id, username: user.username };
  database = new pg.Client(testDatabase.connectionString);
  await database.connect();
}, 60_000);
afterAll(async () => {
  await database?.end();
  await weakened?.stop();
  await testDatabase?.drop();
});
afterEach(async () => {
  await weakened.without();
  await database.query('delete from webhooks.webhooks');
});

/** A webhook for which deliveries wait for an hour to come, in as many queues. */
async function backlog(deliveries: number): Promise<string> {
  const { id } = (await ann.post('/webhooks', { url: 'http://127.0.0.1:1/', types: ['task.*'] })).body;
  await database.query(
    `with fresh as (
       insert into webhooks.deliveries (webhook_id, event_id, stream, revision, type)
       select $1, gen_random_uuid(), 'task-' || n, 0, 'tasktrail.task.edited.v1' from generate_series(1, $2::integer) n returning *)
     insert into webhooks.queues (webhook_id, lane, stream, waiting, due_at)
     select webhook_id, lane, stream, 1, now() + interval '1 hour' from fresh`,
    [id, deliveries],
  );
  return id;
}

test('switching a webhook off is answered although what waits for it cannot be cancelled just now, and that is done later', async () => {
  await database.query(`
    create function webhooks.refuse() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$;
    create trigger refuse before update of status on webhooks.deliveries for each row when (new.status = 'cancelled') execute function webhooks.refuse()`);
  const waiting = async (id: string) =>
    (await database.query(`select from webhooks.deliveries where webhook_id = $1 and status = 'waiting'`, [id])).rowCount;
  const id = await backlog(4_000);
  const off = await ann.patch(`/webhooks/${id}`, { active: false });
  expect([off.status, off.body.active, await waiting(id)]).toEqual([200, false, 4_000]);

  const other = await backlog(1);
  await weakened.without('a change of a webhook is answered before its deliveries are cancelled');
  expect((await ann.patch(`/webhooks/${other}`, { active: false })).status).toBe(500);

  await database.query('drop trigger refuse on webhooks.deliveries; drop function webhooks.refuse');
  await eventually(
    () => waiting(id),
    (count) => count === 0,
  );
}, 60_000);
