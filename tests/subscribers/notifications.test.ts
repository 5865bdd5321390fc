import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import { StoreUnavailable } from '../../src/events/store/event-store.ts';
import { notificationMigrations } from '../../src/notifications/schema.ts';
import { createTaskStates } from '../../src/notifications/task-states.ts';
import { mailMigrations } from '../../src/platform/mail/schema.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { notificationSubscriber } from '../../src/subscribers/notifications.ts';
import { Unreachable } from '../../src/subscribers/subscriber.ts';
import { startWorld, type World } from '../accounts/support.ts';
import {
  admin,
  commented,
  created,
  deleted,
  editor,
  type Happening,
  owner,
  recorded,
  shared,
  stranger,
  transitioned,
  viewer,
} from '../support/happenings.ts';

let world: World;
let client: pg.PoolClient;

/** The stranger has not verified the address, the admin's account is disabled. */
beforeAll(async () => {
  world = await startWorld();
  await migrate(world.pool, [
    { part: 'mail', migrations: mailMigrations },
    { part: 'notifications', migrations: notificationMigrations },
  ]);
  await world.pool.query(
    `insert into accounts.users (id, email, username, full_name, password_hash, role, created_at, log_revision, email_verified, is_active)
     select id, id || '@tasks.test', id::text, '', '', 'user', now(), 0, id <> $2, id <> $3 from unnest($1::uuid[]) as id`,
    [[owner, editor, viewer, stranger, admin], stranger, admin],
  );
  client = await world.pool.connect();
});
afterAll(async () => {
  client?.release();
  await world?.close();
});
beforeEach(() => world.pool.query('truncate notifications.inbox, notifications.mail_outbox'));

const subscriber = (readStream: World['store']['readStream'] = world.store.readStream) => {
  const taskAt = createTaskStates({
    store: { readStream },
    vault: createKeyVault(world.pool, 'the master key of these tests, long enough'),
  });
  return notificationSubscriber({ taskAt, onQueued: () => {} });
};
/** As the engine has it written. */
async function tell(events: readonly RecordedEvent[], { to = subscriber(), end = 'commit' } = {}): Promise<void> {
  await to.prepare!(events);
  await client.query('begin');
  await to.write!(events, client).finally(() => client.query(end));
}
const count = async (table: string) => (await client.query(`select count(*)::int as n from notifications.${table}`)).rows[0].n;
const counts = async () => [await count('inbox'), await count('mail_outbox')];
const rows = async (table: string, columns: string) =>
  (await client.query(`select ${columns} from notifications.${table} order by id`)).rows;

/** What happened to a new task, as it is in the log. */
async function happened(...happenings: Happening[]): Promise<RecordedEvent[]> {
  const events = recorded(happenings, { task: randomUUID(), position: BigInt(Math.floor(Math.random() * 2 ** 40)) });
  const encoded = events.map(({ type, data, metadata }) => ({
    id: metadata.event_id,
    type,
    metadata: Buffer.from(JSON.stringify(metadata)),
    data: Buffer.from(JSON.stringify(data)),
  }));
  await world.store.append({ stream: events[0]!.stream, expectedRevision: 'no_stream', events: encoded });
  return events;
}
const task = () =>
  happened(
    created({ assignee_id: editor }),
    shared(viewer, 'view'),
    { ...commented(randomUUID()), by: viewer },
    { ...transitioned('todo', 'done'), by: editor },
  );

test('writes a row for each person and fact, by ids alone', async () => {
  const events = await task();
  await tell(events);
  const [, share] = events;
  expect(await rows('inbox', 'user_id, kind, source_id, event_type, task_id, revision, actor_id, details, read_at')).toEqual([
    expect.objectContaining({ user_id: editor, kind: 'task_assigned_to_me', revision: 0 }),
    {
      user_id: viewer,
      kind: 'task_shared_with_me',
      source_id: share!.metadata.event_id,
      event_type: 'TaskShared',
      task_id: share!.stream.slice('task-'.length),
      revision: 1,
      actor_id: owner,
      details: { permission: 'view' },
      read_at: null,
    },
    expect.objectContaining({ user_id: owner, kind: 'comment_on_my_task' }),
    expect.objectContaining({ user_id: editor, kind: 'comment_on_my_task' }),
    expect.objectContaining({ user_id: owner, kind: 'task_completed' }),
  ]);
  const mails = await rows('mail_outbox', 'kind, user_id, source_id, about');
  expect(mails).toHaveLength(5);
  expect(mails[1]).toEqual({
    kind: 'task_shared_with_me',
    user_id: viewer,
    source_id: share!.metadata.event_id,
    about: { stream: share!.stream, revision: 1 },
  });
  expect(JSON.stringify(await rows('inbox', '*'))).not.toContain('plants');
});

describe('told again', () => {
  test('after a transaction that was lost, all of it once', async () => {
    const events = await task();
    await tell(events, { end: 'rollback' });
    expect(await counts()).toEqual([0, 0]);
    await tell(events);
    expect(await counts()).toEqual([5, 5]);
  });

  test('from an earlier place, by this instance or another, whatever was read or sent meanwhile: nothing', async () => {
    const events = await task();
    const one = subscriber();
    await tell(events, { to: one });
    await client.query(`update notifications.mail_outbox set outcome = 'sent', settled_at = now()`);
    await client.query('update notifications.inbox set read_at = now()');
    await tell(events, { to: one });
    await tell([...events, ...events].slice(2));
    expect(await counts()).toEqual([5, 5]);
  });

  test('is told twice without the unique keys: it is they that hold', async () => {
    await client.query('begin');
    try {
      await client.query(`alter table notifications.inbox drop constraint inbox_source_id_user_id_key;
        alter table notifications.mail_outbox drop constraint mail_outbox_source_id_user_id_key`);
      const events = await task();
      const again = subscriber();
      await again.prepare!(events);
      await again.write!(events, client);
      await again.write!(events, client);
      expect(await counts()).toEqual([10, 10]);
    } finally {
      await client.query('rollback');
    }
  });
});

test('who is disabled or unknown is told nothing, and who has not verified the address nothing by mail', async () => {
  const sharees = [stranger, admin, randomUUID()];
  await tell(recorded([created({ assignee_id: stranger }), ...sharees.map((id) => shared(id, 'view')), deleted({ sharee_ids: sharees })]));
  expect(await rows('inbox', 'user_id, kind')).toEqual([
    { user_id: stranger, kind: 'task_assigned_to_me' },
    { user_id: stranger, kind: 'task_shared_with_me' },
    { user_id: stranger, kind: 'task_deleted' },
  ]);
  expect(await counts()).toEqual([3, 0]);
});

describe('what a task was', () => {
  const happenings: Happening[] = [created(), shared(viewer, 'edit'), { ...transitioned('todo', 'done'), by: viewer }];

  test('is folded from its stream where the earlier events were not seen, once', async () => {
    const events = await happened(...happenings);
    let reads = 0;
    const to = subscriber((stream, options) => {
      reads++;
      return world.store.readStream(stream, options);
    });
    await tell(events.slice(2), { to });
    expect(await rows('inbox', 'user_id, kind')).toEqual([{ user_id: owner, kind: 'task_completed' }]);
    await tell(events.slice(1), { to });
    expect([reads, await count('inbox')]).toEqual([1, 2]);
  });

  test('is what it was at the event, also when that is told again behind later ones', async () => {
    const handedOver: Happening = {
      type: 'TaskTransferred',
      data: { owner_id: { from: owner, to: viewer }, kept: null, reason: 'command' },
    };
    const events = await happened(...happenings, handedOver, { ...commented(randomUUID()), by: editor });
    const to = subscriber();
    await tell(events, { to, end: 'rollback' });
    await tell(events.slice(2, 3), { to });
    expect(await rows('inbox', 'user_id, kind')).toEqual([{ user_id: owner, kind: 'task_completed' }]);
  });

  test('cannot be told while the store is away: that is no fault of the event', async () => {
    const to = subscriber(async () => {
      throw new StoreUnavailable('not_written');
    });
    await expect(tell(recorded(happenings, { task: randomUUID() }).slice(2), { to, end: 'rollback' })).rejects.toBeInstanceOf(Unreachable);
  });
});
