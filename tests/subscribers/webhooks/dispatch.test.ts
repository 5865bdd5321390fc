import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { decodeEvents } from '../../../src/events/codec.ts';
import { createKeyVault } from '../../../src/events/keys/key-vault.ts';
import type { RecordedEvent } from '../../../src/events/recorded-event.ts';
import { BEGINNING } from '../../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../../src/events/store/postgres/postgres-event-store.ts';
import { webhookDispatch } from '../../../src/subscribers/webhooks/dispatch.ts';
import { type Client, keys, startTestService, type TestService } from '../../support/service.ts';
import { deadlocks, whileHeld } from '../../support/while-held.ts';

let service: TestService;
let client: pg.Client;
let ann: Client;
let feed: string;
let events: RecordedEvent[];
let creation: RecordedEvent;

beforeAll(async () => {
  service = await startTestService({ WEBHOOK_ALLOW_PRIVATE: 'true' });
  ann = await service.someone('ann');
  await service.verifyAddress(ann);
  client = new pg.Client(service.connectionString);
  await client.connect();
}, 60_000);
afterAll(async () => {
  await client?.end();
  await service?.stop();
});

const queuedRows = async () =>
  (
    await client.query(`select revision, type, (select waiting from webhooks.queues q where q.webhook_id = d.webhook_id and q.stream = d.stream) as waiting
    from webhooks.deliveries d order by number`)
  ).rows;
const dispatch = (position = BEGINNING) =>
  webhookDispatch({
    feedSchema: () => feed,
    feedReached: async (asked) => (position === BEGINNING ? true : asked <= position),
    queued: () => {},
  });

test('each event has one row, whatever is told again, taken back, or cut into batches otherwise', async () => {
  // Nothing is to be sent meanwhile: the webhook is one that the service's own subscriber does not know of.
  const { body } = await ann.post('/webhooks', { url: 'http://127.0.0.1:1/', types: ['task.*'] });
  await ann.patch(`/webhooks/${body.id}`, { active: false });
  const task = (await ann.post('/tasks', { title: 'Water the plants' })).body;
  for (let n = 0; n < 4; n++) await ann.patch(`/tasks/${task.id}`, { title: `Water ${n}` });
  for (const end = performance.now() + 5_000; performance.now() < end; ) {
    const { body: read } = await ann.get('/events?after=0&limit=500&types=task.*');
    if (read.events.length === 5) break;
  }
  feed = (
    await client.query(`select format('%s_v%s_g%s', name, version, generation) as schema from projections.generations where name = 'feed'`)
  ).rows[0].schema;
  const store = await createPostgresEventStore({ connectionString: service.connectionString, log: () => {} });
  const pool = new pg.Pool({ connectionString: service.connectionString, max: 1 });
  const all = await decodeEvents(await store.readAll({ after: BEGINNING, limit: 1000 }), createKeyVault(pool, keys.MASTER_KEY!));
  events = all.filter(({ stream }) => stream.startsWith('task-'));
  creation = all.find(({ type }) => type === 'WebhookCreated')!;
  await Promise.all([store.close(), pool.end()]);
  expect(events).toHaveLength(5);
  await client.query('begin');
  await client.query('update webhooks.webhooks set active = true, begun = true');
  const { write } = dispatch();

  await client.query('savepoint crashed');
  await write!(events.slice(0, 3), client);
  expect(await queuedRows()).toHaveLength(3);
  await client.query('rollback to savepoint crashed');
  expect(await queuedRows()).toEqual([]);

  await write!(events.slice(0, 3), client);
  await write!(events.slice(1, 4), client);
  await write!(events, client);
  await write!(events, client);
  const rows = await queuedRows();
  expect(rows.map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4]);
  expect(rows.map(({ waiting }) => waiting)).toEqual([5, 5, 5, 5, 5]);
  expect(rows[0].type).toBe('tasktrail.task.created.v1');
  // Without the key, what is told again is there again.
  await client.query('alter table webhooks.deliveries drop constraint deliveries_webhook_id_event_id_lane_key');
  await write!(events, client);
  expect(await queuedRows()).toHaveLength(10);

  await client.query('rollback');
}, 30_000);

test('who may see an event is not asked before the feed has it', async () => {
  await client.query('begin');
  await client.query('update webhooks.webhooks set active = true, begun = true');
  const behind = dispatch(1n);
  await expect(behind.write!(events, client)).rejects.toMatchObject({ name: 'Unreachable' });
  // Not even when that was told of a read model that is another by now.
  const ahead = events.map((event) => ({ ...event, position: event.position + 1_000n }));
  await expect(dispatch().write!(ahead, client)).rejects.toMatchObject({ name: 'Unreachable' });
  await client.query('rollback');
});

test('what is for a webhook begins behind its creation, however late that is looked at', async () => {
  await client.query('begin');
  await client.query('update webhooks.webhooks set active = true, begun = false');
  const { write } = dispatch();
  await write!(events.slice(0, 1), client);
  expect(await queuedRows()).toEqual([]);
  await write!([...events.slice(0, 3), { ...creation, position: events[2]!.position }, ...events.slice(3)], client);
  expect((await queuedRows()).map(({ revision }) => revision)).toEqual([3, 4]);
  await client.query('rollback');
});

test.each(['is deleted after', 'is deleted before'])(
  'a webhook %s events are put on their way to it, and neither ends the other',
  async (order) => {
    const pool = new pg.Pool({ connectionString: service.connectionString, max: 6 });
    const { id } = (await ann.post('/webhooks', { url: 'http://127.0.0.1:1/', types: ['task.*'] })).body;
    await pool.query('update webhooks.webhooks set begun = true where id = $1', [id]);
    const put = async (some: readonly RecordedEvent[]) => {
      const own = await pool.connect();
      try {
        await own.query('begin');
        await dispatch().write!(some, own);
        // The service's own workers have nothing to do with them.
        await own.query(`update webhooks.queues set due_at = now() + interval '1 hour' where webhook_id = $1`, [id]);
        await own.query('commit');
      } finally {
        own.release(true);
      }
    };
    try {
      await put(events.slice(0, 1));
      const before = await deadlocks(pool);
      const works = [() => put(events.slice(1, 2)), () => pool.query('delete from webhooks.webhooks where id = $1', [id])];
      if (order === 'is deleted before') works.reverse();
      const ends = await whileHeld(pool, 'select from webhooks.queues where webhook_id = $1 for update', [id], works);
      expect([...ends.map(({ status }) => status), await deadlocks(pool)]).toEqual(['fulfilled', 'fulfilled', before]);
      expect((await pool.query('select from webhooks.deliveries where webhook_id = $1', [id])).rowCount).toBe(0);
    } finally {
      await pool.end();
    }
  },
);
