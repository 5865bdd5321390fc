import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { accountEventContext } from '../../src/accounts/account-call.ts';
import { makeAccount } from '../../src/accounts/new-account.ts';
import { recordUserEvents } from '../../src/accounts/outbox.ts';
import { type OutboxRelay, type OutboxRelayOptions, startOutboxRelay } from '../../src/accounts/outbox-relay.ts';
import { expectedHash } from '../../src/events/codec.ts';
import { type Append, type EventStore, StoreUnavailable } from '../../src/events/store/event-store.ts';
import { type UserEvent, userStream } from '../../src/events/user/user-events.ts';
import { call, eventually, keptLog, somebody, startWorld, type World } from './support.ts';

let world: World;
let relays: OutboxRelay[] = [];
let log = keptLog();

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.close());
afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.close()));
  relays = [];
  log = keptLog();
  await world.database.rows('delete from accounts.outbox');
});

const startRelay = (options: Partial<OutboxRelayOptions> = {}) => {
  const relay = startOutboxRelay({ database: world.database, store: world.store, log, ...options });
  relays.push(relay);
  return relay;
};

/** Somebody to whom so many things have happened, none of which is in the log yet. */
const eventfulAccount = async (events: number) => {
  const { fullName, email, username } = somebody();
  const account = { fullName, email, username, passwordHash: '-', role: 'user', via: 'self' } as const;
  const { id } = await world.database.transaction((sql) => makeAccount(sql, account, call(), new Date()));
  for (let n = 1; n < events; n++) await world.database.transaction((sql) => happens(sql, id));
  return id;
};
const happens = (
  sql: Parameters<typeof recordUserEvents>[0],
  id: string,
  events: UserEvent[] = [{ type: 'UserEmailVerified', data: {} }],
) => recordUserEvents(sql, id, events, accountEventContext(call(), { id, kind: 'user' }, new Date()));

const streamOf = (id: string) => world.store.readStream(userStream(id));
const emptied = () =>
  eventually(
    () => world.database.rows('select from accounts.outbox'),
    (rows) => rows.length === 0,
    15_000,
  );

/** The real store, that cannot be reached, or whose answers are lost, when `fails` says so of an append. */
const unreliable = (fails: (append: Append) => 'before' | 'after' | false): EventStore => ({
  ...world.store,
  async append(append) {
    const how = fails(append);
    if (how === 'before') throw new StoreUnavailable('not_written');
    const appended = await world.store.append(append);
    if (how === 'after') throw new StoreUnavailable('unknown');
    return appended;
  },
});

describe('account events', () => {
  test('reach the log whole, chained, and with who did it and when', async () => {
    const relay = startRelay();
    const context = { ...call(), at: new Date('2026-03-04T05:06:07.089Z') };
    const { fullName, email, username } = somebody();
    const account = { fullName, email, username, passwordHash: '-', role: 'user', via: 'self' } as const;
    const { id } = await world.database.transaction((sql) => makeAccount(sql, account, context, context.at));
    await world.database.transaction((sql) =>
      happens(sql, id, [
        { type: 'UserEmailVerified', data: {} },
        { type: 'UserRoleChanged', data: { role: { from: 'user', to: 'admin' } } },
      ]),
    );
    await relay.flush();
    const stored = await streamOf(id);
    expect(stored.map(({ revision, type }) => [revision, type])).toEqual([
      [0, 'UserRegistered'],
      [1, 'UserEmailVerified'],
      [2, 'UserRoleChanged'],
    ]);
    expect(JSON.parse(stored[0]!.data.toString())).toEqual({ role: 'user', via: 'self' });
    expect(JSON.parse(stored[0]!.metadata.toString())).toEqual({
      event_id: stored[0]!.id,
      schema_version: 1,
      occurred_at: '2026-03-04T05:06:07.089Z',
      actor: { id, kind: 'user' },
      operation_id: context.operationId,
      request_id: context.requestId,
      command_id: expect.any(String),
      hash: expect.any(String),
    });
    let previous = '';
    for (const event of stored) {
      const { expected, carried } = expectedHash(event, previous);
      expect(carried).toBe(expected);
      previous = expected;
    }
    expect(await relay.backlog()).toEqual({ waiting: 0, oldest: null });
  });

  test('are not recorded when what they tell of is taken back', async () => {
    const id = await eventfulAccount(1);
    const taken = world.database.transaction(async (sql) => {
      await happens(sql, id);
      throw new Error('taken back');
    });
    await expect(taken).rejects.toThrow('taken back');
    await startRelay().flush();
    expect(await streamOf(id)).toHaveLength(1);
    await world.database.transaction((sql) => happens(sql, id));
    await relays[0]!.flush();
    expect((await streamOf(id)).map(({ revision }) => revision)).toEqual([0, 1]);
  });

  test('are numbered in the order of their commits when many happen at once', async () => {
    const id = await eventfulAccount(1);
    await Promise.all(Array.from({ length: 20 }, () => world.database.transaction((sql) => happens(sql, id))));
    await startRelay().flush();
    expect((await streamOf(id)).map(({ revision }) => revision)).toEqual(Array.from({ length: 21 }, (_, n) => n));
  });

  test('are each recorded once when four relays carry them at the same time', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, () => eventfulAccount(4)));
    const before = await world.store.head();
    for (let n = 0; n < 4; n++) startRelay();
    await emptied();
    for (const id of ids) expect((await streamOf(id)).map(({ revision }) => revision)).toEqual([0, 1, 2, 3]);
    expect(await world.store.readAll({ after: before, limit: 1000 })).toHaveLength(120);
    expect(log.lines).toEqual([]);
  });

  test('are each recorded once when answers are lost and the store fails now and then', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => eventfulAccount(3)));
    const before = await world.store.head();
    const tried = new Set<string>();
    const store = unreliable(({ events }) => {
      const { id } = events[0]!;
      if (tried.has(id)) return false;
      tried.add(id);
      return tried.size % 2 ? 'before' : 'after';
    });
    for (let n = 0; n < 2; n++) startRelay({ store, claimFor: 100, pollEvery: 50 });
    await emptied();
    for (const id of ids) expect((await streamOf(id)).map(({ revision }) => revision)).toEqual([0, 1, 2]);
    expect(await world.store.readAll({ after: before, limit: 1000 })).toHaveLength(18);
    expect(tried.size).toBe(18);
  });

  test('are carried on by another relay when one dies between append and mark', async () => {
    const id = await eventfulAccount(3);
    const before = await world.store.head();
    // It claims, appends, and is never heard of again.
    let appended = () => {};
    const wasAppended = new Promise<void>((resolve) => {
      appended = resolve;
    });
    const store: EventStore = {
      ...world.store,
      async append(append) {
        await world.store.append(append);
        appended();
        return new Promise(() => {});
      },
    };
    startOutboxRelay({ database: world.database, store, log, claimFor: 300 });
    await wasAppended;
    expect(await world.database.rows('select from accounts.outbox')).toHaveLength(3);
    startRelay({ pollEvery: 50 });
    await emptied();
    expect((await streamOf(id)).map(({ revision }) => revision)).toEqual([0, 1, 2]);
    expect(await world.store.readAll({ after: before, limit: 10 })).toHaveLength(3);
  });

  test('are appended without harm by a relay that slept while another carried them and more', async () => {
    const id = await eventfulAccount(1);
    let wakeUp = () => {};
    const sleep = new Promise<void>((resolve) => {
      wakeUp = resolve;
    });
    let slept = () => {};
    const isAsleep = new Promise<void>((resolve) => {
      slept = resolve;
    });
    const store: EventStore = {
      ...world.store,
      async append(append) {
        slept();
        await sleep;
        return world.store.append(append);
      },
    };
    const sleeper = startRelay({ store, claimFor: 50 });
    await isAsleep;
    const other = startRelay({ pollEvery: 50 });
    await emptied();
    await world.database.transaction((sql) => happens(sql, id));
    await other.flush();
    wakeUp();
    await sleeper.flush();
    expect((await streamOf(id)).map(({ revision }) => revision)).toEqual([0, 1]);
    expect(log.lines).toEqual([]);
  });

  test('wait, and are told of, while the store is away; then they follow', async () => {
    let isAway = true;
    const relay = startRelay({ store: unreliable(() => isAway && 'before'), pollEvery: 50 });
    const id = await eventfulAccount(2);
    await relay.flush();
    expect(await relay.backlog()).toEqual({ waiting: 2, oldest: expect.any(Date) });
    expect(log.lines[0]).toMatchObject({ level: 'error', facts: { user_id: id, revision: 0 } });
    isAway = false;
    await emptied();
    expect(await streamOf(id)).toHaveLength(2);
  });

  test('of one account that cannot be recorded hold up no other', async () => {
    const stuck = await eventfulAccount(1);
    await world.database.rows('update accounts.outbox set revision = 7 where user_id = $1', [stuck]);
    const relay = startRelay();
    const id = await eventfulAccount(2);
    await relay.flush();
    expect(await streamOf(id)).toHaveLength(2);
    expect(await streamOf(stuck)).toHaveLength(0);
    expect((await relay.backlog()).waiting).toBe(1);
    expect(log.lines[0]).toMatchObject({ level: 'error', facts: { user_id: stuck, revision: 7 } });
  });

  test('tell this instance where they stand', async () => {
    const told: [string, bigint][] = [];
    const relay = startRelay({ onAppended: (userId, position) => told.push([userId, position]) });
    const id = await eventfulAccount(1);
    await relay.flush();
    expect(told).toEqual([[id, (await streamOf(id))[0]!.position]]);
  });

  test('have ids that follow from the command and their place in it', async () => {
    const id = await eventfulAccount(1);
    const context = { ...accountEventContext(call(), { id, kind: 'user' }, new Date()), command_id: randomUUID() };
    const events: UserEvent[] = [
      { type: 'UserEmailVerified', data: {} },
      { type: 'UserEmailChanged', data: {} },
    ];
    await world.database.transaction((sql) => recordUserEvents(sql, id, events, context));
    await startRelay().flush();
    const ids = (await streamOf(id)).slice(1).map((event) => event.id);
    expect(new Set(ids).size).toBe(2);
    for (const eventId of ids) expect(eventId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/);
  });
});
