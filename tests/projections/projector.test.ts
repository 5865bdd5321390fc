import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { transitionTask } from '../../src/commands/task/transition-task.ts';
import { createTasks, type Tasks } from '../../src/commands/tasks.ts';
import { decodeEvents } from '../../src/events/codec.ts';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import type { Position } from '../../src/events/store/event-store.ts';
import { createLog } from '../../src/platform/logging.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { textMigrations } from '../../src/platform/text/schema.ts';
import { applyGroup } from '../../src/projections/apply-group.ts';
import { takeOver } from '../../src/projections/checkpoint.ts';
import { generationsOf, prepareProjection } from '../../src/projections/generation.ts';
import { lagBehind } from '../../src/projections/lag.ts';
import { listing } from '../../src/projections/listing/listing.ts';
import { projectionMigrations } from '../../src/projections/migrations.ts';
import type { Projection } from '../../src/projections/projection.ts';
import { waitingTransactions } from '../../src/projections/projection-client.ts';
import { type Projector, startProjector } from '../../src/projections/projector.ts';
import { call, type Instance, openWriteSide } from '../support/command-parts.ts';
import { readTables } from './project.ts';

let side: Awaited<ReturnType<typeof openWriteSide>>;
let instance: Instance;
let tasks: Tasks;
let running: Projector[];

beforeEach(async () => {
  side = await openWriteSide();
  instance = await side.instance();
  tasks = createTasks(instance.parts);
  running = [];
  await migrate(instance.pool, [
    { part: 'texts', migrations: textMigrations },
    { part: 'projections', migrations: projectionMigrations },
  ]);
});
afterEach(async () => {
  await Promise.all(running.map((projector) => projector.stop()));
  await side.close();
});

const newTask = { title: 'A task', description: '', priority: 'medium', status: 'todo', dueDate: null, tags: [], assignee: null } as const;
const someTasks = (n: number) => Promise.all(Array.from({ length: n }, () => tasks.create({ ...newTask, tags: [] }, call())));

async function start(projection: Projection, generation = 1): Promise<Projector> {
  await prepareProjection(instance.pool, projection, instance.store.logId);
  const projector = startProjector(projection, generation, {
    connectionString: side.connectionString,
    store: instance.store,
    vault: instance.parts.vault,
    log: createLog({ level: 'silent', format: 'json' }, { write() {} }),
    onProgress() {},
  });
  running.push(projector);
  return projector;
}

async function until(test: () => boolean | Promise<boolean>, within = 15_000): Promise<void> {
  for (const deadline = Date.now() + within; Date.now() < deadline; await pause(10)) if (await test()) return;
  throw new Error('what was waited for did not come');
}

async function positionOf(projection: Projection): Promise<Position> {
  return (await generationsOf(instance.pool, projection))[0]!.position;
}

async function reached(projection: Projection): Promise<void> {
  const goal = await instance.store.head();
  await until(async () => (await positionOf(projection)) >= goal);
}

/** Counts what it is given, and can be made to choke on one type of event. */
function counting(name: string, choke: { on: string | null } = { on: null }): Projection {
  return {
    name,
    version: 1,
    gathersFor: 0,
    tables: 'create table seen (position bigint primary key)',
    async apply(events: readonly RecordedEvent[], client) {
      for (const { type, position } of events) {
        if (type === choke.on) throw new Error('this does not go down');
        await client.query('insert into seen values ($1)', [position.toString()]);
      }
    },
  };
}
const seenBy = async (name: string) =>
  (await instance.pool.query(`select position from ${name}_v1_g1.seen order by 1`)).rows.map(({ position }) => BigInt(position));

describe('a projector', () => {
  test('catches up, goes live, and a projection from nothing has the same rows', async () => {
    await someTasks(30);
    const projector = await start(listing);
    await reached(listing);
    const created = await someTasks(20);
    await Promise.all(created.slice(0, 10).map(({ task }) => tasks.execute(task.id, transitionTask, { targetStatus: 'done' }, call())));
    await reached(listing);
    await until(() => projector.status().state === 'live');
    const rows = await readTables(instance.pool, 'listing_v6_g1');
    expect(rows.tasks).toHaveLength(50);
    const again: Projection = { ...listing, version: 999 };
    await start(again);
    await reached(again);
    expect(await readTables(instance.pool, 'listing_v999_g1')).toEqual(rows);
    expect(await lagBehind(instance.store, projector.status().position ?? undefined)).toEqual({ events: 0, seconds: 0 });
  });

  test('is one of several that writes; when it goes, another takes over within seconds', async () => {
    const one = await start(counting('one_writer'));
    await until(() => one.status().state === 'live');
    const other = await start(counting('one_writer'));
    await someTasks(5);
    await reached(one.projection);
    expect(other.status().state).toBe('standby');
    await one.stop();
    await someTasks(5);
    await until(() => other.status().state === 'live', 5_000);
    await reached(one.projection);
    expect(await seenBy('one_writer')).toHaveLength(10);
  });

  test('that was taken over while it slept writes nothing more', async () => {
    let wake = () => {};
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const slow = counting('sleeper');
    const sleeping: Projection = {
      ...slow,
      async apply(events, client) {
        await asleep;
        await slow.apply(events, client);
      },
    };
    await someTasks(3);
    const projector = await start(sleeping);
    await until(() => projector.status().state === 'catching_up');
    // Another instance takes over, as it does when the first one's lock is gone.
    await instance.pool.query(`update projections.generations set epoch = epoch + 1 where name = 'sleeper'`);
    const before = await positionOf(slow);
    wake();
    await pause(200);
    expect(await seenBy('sleeper')).toEqual([]);
    expect(await positionOf(slow)).toBe(before);
    // And then goes on in a new epoch of its own, since here nobody else does.
    await reached(slow);
    expect(await seenBy('sleeper')).toHaveLength(3);
  });

  test('stops loudly before an event that it cannot handle, alone, and goes on when it can', async () => {
    const choke = { on: 'TaskTransitioned' as string | null };
    const stuck = await start(counting('stuck', choke));
    const free = await start(counting('free'));
    const [first] = await someTasks(2);
    const moved = await tasks.execute(first!.task.id, transitionTask, { targetStatus: 'done' }, call());
    await someTasks(2);
    await until(() => stuck.status().state === 'stopped');
    expect(stuck.status().error).toContain(`TaskTransitioned at position ${moved.position}`);
    expect(await seenBy('stuck')).toHaveLength(2);
    await reached(free.projection);
    expect(await seenBy('free')).toHaveLength(5);
    expect((await lagBehind(instance.store, stuck.status().position ?? undefined)).events).toBe(3);
    choke.on = null;
    await reached(stuck.projection);
    await until(() => stuck.status().state === 'live');
    expect(stuck.status().error).toBeNull();
    expect(await seenBy('stuck')).toHaveLength(5);
  });

  test('survives the loss of its connections, and applies each event once', async () => {
    const projector = await start(counting('cut_off'));
    await until(() => projector.status().state === 'live');
    for (let round = 0; round < 3; round++) {
      const writing = someTasks(20);
      await instance.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tasktrail projector%' or application_name like 'tasktrail lock%'`,
      );
      await writing;
      await reached(projector.projection);
    }
    const seen = await seenBy('cut_off');
    expect(seen).toHaveLength(60);
    expect(new Set(seen).size).toBe(60);
  });
});

test('a large group of events that cannot be applied is tried in parts: those before the one at fault are in, at the price of its own batch', async () => {
  await someTasks(9);
  const choke = { on: 'TaskTransitioned' as string | null };
  const tried: number[] = [];
  const stuck = counting('in_parts', choke);
  const projection: Projection = {
    ...stuck,
    apply(events, client) {
      tried.push(events.length);
      return stuck.apply(events, client);
    },
  };
  await prepareProjection(instance.pool, projection, instance.store.logId);
  const { task } = await tasks.create({ ...newTask, tags: [] }, call());
  const moved = await tasks.execute(task.id, transitionTask, { targetStatus: 'done' }, call());
  await someTasks(7);
  const events = await instance.store.readAll({ after: 0n, limit: 100 });
  const { vault } = instance.parts;
  const group = [0, 6, 12].map((at) => {
    const page = events.slice(at, at + 6);
    return { batch: { events: page, position: page.at(-1)!.position, caughtUp: at === 12 }, events: decodeEvents(page, vault) };
  });
  const client = new pg.Client({ connectionString: side.connectionString });
  await client.connect();
  try {
    await client.query('set search_path = in_parts_v1_g1');
    const writer = {
      client,
      transaction: waitingTransactions(client),
      projection,
      vault,
      store: instance.store,
      signal: new AbortController().signal,
      onProgress() {},
    };
    const from = await takeOver(client, projection, 1);
    await expect(applyGroup(writer, group, from)).rejects.toThrow(`TaskTransitioned at position ${moved.position}`);
    expect(await seenBy('in_parts')).toHaveLength(10);
    expect(await positionOf(projection)).toBe(events[9]!.position);
    expect(tried).toEqual([18, 6, 6, 1, 1, 1, 1, 1]);
  } finally {
    await client.end();
  }
});
