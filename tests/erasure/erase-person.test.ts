import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { type Database, databaseOn } from '../../src/accounts/database.ts';
import { wishErasure } from '../../src/accounts/erasure.ts';
import { createErasures } from '../../src/accounts/erasures.ts';
import { makeAccount } from '../../src/accounts/new-account.ts';
import { type OutboxRelay, startOutboxRelay } from '../../src/accounts/outbox-relay.ts';
import { createKeyedQueue } from '../../src/commands/keyed-queue.ts';
import { addComment } from '../../src/commands/task/comment-on-task.ts';
import { shareTask } from '../../src/commands/task/share-task.ts';
import { createTaskStreams } from '../../src/commands/task-streams.ts';
import { createTasks, type Tasks } from '../../src/commands/tasks.ts';
import { type ErasePersonParts, erasePerson } from '../../src/erasure/erase-person.ts';
import { openEventStore } from '../../src/event-store.ts';
import { deriveKey } from '../../src/events/keys/data-key.ts';
import { createKeyVault, type KeyVault } from '../../src/events/keys/key-vault.ts';
import type { EventStore } from '../../src/events/store/event-store.ts';
import { createVocabularyGate } from '../../src/events/vocabulary-gate.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { keptLog } from '../accounts/support.ts';
import { call } from '../support/command-parts.ts';
import { keys, startTestService, type TestService } from '../support/service.ts';

/** The service projects; what is erased is erased by parts of our own on the same stores, so that they can be made to fail. */
let service: TestService;
let pool: pg.Pool;
let database: Database;
let store: EventStore;
let relay: OutboxRelay;
let tasks: Tasks;
let vault: KeyVault;
let adminId: string;
beforeAll(async () => {
  service = await startTestService();
  const { connectionString } = service;
  pool = createPool(connectionString, { max: 4, applicationName: 'tests erasure', onError: () => {} });
  database = databaseOn(pool);
  const { EVENTSTORE_URL: eventStoreUrl } = service.sameStores;
  store = await openEventStore({ eventStoreUrl, connectionString, pool, logger: keptLog(), signal: new AbortController().signal });
  relay = startOutboxRelay({ database, store, log: keptLog() });
  vault = createKeyVault(pool, keys.MASTER_KEY!);
  const secret = deriveKey(keys.SECRET_KEY!, 'idempotency');
  const streams = createTaskStreams(store, vault);
  tasks = createTasks({
    store,
    vault,
    streams,
    queue: createKeyedQueue(),
    secret,
    isClockAhead: () => false,
    vocabulary: createVocabularyGate(pool),
    onLostRace() {},
  });
  adminId = (await database.rows<{ id: string }>(`select id from accounts.users where role = 'admin'`))[0]!.id;
});
afterAll(async () => {
  await relay?.close();
  await store?.close();
  await pool?.end();
  await service?.stop();
});

async function somebody(): Promise<string> {
  const username = `somebody-${randomUUID().slice(0, 8)}`;
  const account = {
    email: `${username}@tasks.test`,
    username,
    fullName: username,
    passwordHash: 'none',
    role: 'user',
    via: 'self',
  } as const;
  return (await database.transaction((sql) => makeAccount(sql, account, { requestId: 'tests', operationId: randomUUID() }, new Date()))).id;
}

async function aTask(ownerId: string, title: string): Promise<string> {
  const input = { title, description: '', priority: 'medium', status: 'todo', dueDate: null, tags: [], assignee: null } as const;
  return (await tasks.create({ ...input, tags: [] }, call({}, ownerId))).task.id;
}

/** The read models are where the log is now. */
async function caughtUp(): Promise<void> {
  const head = await store.head();
  for (const until = Date.now() + 10_000; Date.now() < until; await pause(10)) {
    const { rows } = await pool.query('select from projections.generations where position < $1', [head.toString()]);
    if (rows.length === 0) return;
  }
  throw new Error('the read models do not follow');
}

function partsOf(): ErasePersonParts {
  const security = { record() {}, flush: async () => {} };
  const flush = relay.flush;
  const erasures = createErasures({
    database,
    security,
    flush,
    changed: async () => {},
    hasher: undefined as never,
    clock: () => new Date(),
  });
  return {
    erasures,
    vault,
    tasks,
    store,
    async tasksOf(userId) {
      await caughtUp();
      const { rows } = await pool.query('select id from listing_v6_g1.tasks where owner_id = $1 or shares ? $1::text', [userId]);
      return rows.map(({ id }) => id);
    },
    purgeFiles: async () => {},
    readModelsFollow: caughtUp,
    forgetSamples: async () => {},
    onWritten() {},
    again: async () => {},
    clock: () => new Date(),
  };
}

/** The parts as they are when the process is killed at a call of one of them, counted from 1: before it did anything, or behind it. */
function killedAt(nth: number, when: 'before' | 'behind', parts: ErasePersonParts): ErasePersonParts {
  let calls = 0;
  const killing = <F extends (...args: never[]) => unknown>(work: F) =>
    (async (...args: never[]) => {
      const isIt = ++calls === nth;
      if (isIt && when === 'before') throw new Error('killed');
      const result = await work(...args);
      if (isIt) throw new Error('killed');
      return result;
    }) as unknown as F;
  const all = <T extends object>(some: T): T =>
    Object.fromEntries(Object.entries(some).map(([name, part]) => [name, typeof part === 'function' ? killing(part) : part])) as T;
  const { erasures, vault, tasks, store, clock, onWritten, ...others } = parts;
  return {
    ...all(others),
    erasures: all(erasures),
    vault: all({ ...vault }),
    tasks: all({ ...tasks }),
    store: { readStream: killing(store.readStream.bind(store)) },
    clock,
    onWritten,
  };
}

const run = { signal: new AbortController().signal, progress: async () => {} };
const typesOf = async (stream: string) => (await store.readStream(stream)).map(({ type }) => type);

test.each(['before', 'behind'] as const)(
  'is done in the end, and each thing once, though it is killed at every step, %s it',
  async (when) => {
    const [person, other] = [await somebody(), await somebody()];
    const own = [await aTask(person, 'Of the person'), await aTask(person, 'Of the person too')];
    const theirs = await aTask(other, 'Of another');
    await tasks.execute(theirs, shareTask, { person: { id: person, isActive: true }, permission: 'view' }, call({}, other));
    await tasks.execute(theirs, addComment, { commentId: randomUUID(), content: 'Said', named: [] }, call({}, person));
    const by = { id: adminId, kind: 'user' } as const;
    await wishErasure(
      database,
      { userId: person, transferTo: null, by, call: { requestId: 'tests', operationId: randomUUID() } },
      new Date(),
    );

    const parts = partsOf();
    let runs = 1;
    // Where the machine stands still for seconds, it does not wait for ever, and is begun again as after a kill.
    for (const others: string[] = []; ; ) {
      const failure = await erasePerson(killedAt(runs, when, parts), person, run).then(
        () => null,
        (error: Error) => error.message,
      );
      if (failure === null) break;
      if (failure === 'killed') runs++;
      else if (others.push(failure) > 3) throw new Error(others.join('; '));
    }
    expect(runs).toBeGreaterThan(15);

    for (const task of own) expect(await typesOf(`task-${task}`)).toEqual(['TaskCreated', 'TaskDeleted']);
    expect(await typesOf(`task-${theirs}`)).toEqual(['TaskCreated', 'TaskShared', 'CommentAdded', 'TaskUnshared']);
    expect(await typesOf(`user-${person}`)).toEqual(['UserRegistered', 'UserErasureRequested', 'UserErased']);
    const { rows } = await pool.query(
      `select subject from event_log.data_keys where wrapped = '' and destroyed_for = $1 order by subject`,
      [person],
    );
    expect(rows.map(({ subject }) => subject)).toEqual([...own.map((id) => `task-${id}`), `user-${person}`].sort());
    const [erasure] = await database.rows('select done_at is not null as done, settled_at from accounts.erasures where user_id = $1', [
      person,
    ]);
    expect(erasure).toEqual({ done: true, settled_at: null });
    await expect(vault.ofPerson(`user-${person}`)).rejects.toThrow('destroyed');
  },
);

test('an instance lets go of the keys that another one destroyed when it is told whose account changed', async () => {
  const [person, taskOf] = [await somebody(), await somebody()];
  const elsewhere = createKeyVault(pool, keys.MASTER_KEY!);
  const [mine, task] = [await elsewhere.ofPerson(`user-${person}`), await aTask(taskOf, 'Goes')];
  const { rows } = await pool.query('select id from event_log.data_keys where subject = $1', [`task-${task}`]);
  const ids = [mine.id, rows[0].id];
  expect([...(await elsewhere.load(ids)).keys()].sort()).toEqual([...ids].sort());
  await vault.destroyOfPerson(person);
  await vault.destroy([rows[0].id], person);
  expect((await vault.load(ids)).size).toBe(0);
  expect((await elsewhere.load(ids)).size).toBe(2);
  await elsewhere.letGo(person);
  expect((await elsewhere.load(ids)).size).toBe(0);
  await expect(elsewhere.ofPerson(`user-${person}`)).rejects.toThrow('destroyed');
});
