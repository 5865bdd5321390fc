import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { editTask } from '../../src/commands/task/edit-task.ts';
import { createTasks, type Tasks } from '../../src/commands/tasks.ts';
import { createLog } from '../../src/platform/logging.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { textMigrations } from '../../src/platform/text/schema.ts';
import {
  beginRebuild,
  dropRetired,
  formerGeneration,
  generationsOf,
  pauseRebuild,
  prepareProjection,
  promote,
  RebuildRunning,
} from '../../src/projections/generation.ts';
import { listing } from '../../src/projections/listing/listing.ts';
import { projectionMigrations } from '../../src/projections/migrations.ts';
import { ReadModelIncomplete, type ReadModels, startReadModels } from '../../src/projections/read-models.ts';
import { call, type Instance, openWriteSide } from '../support/command-parts.ts';
import { readTables } from './project.ts';

let side: Awaited<ReturnType<typeof openWriteSide>>;
let instance: Instance;
let tasks: Tasks;
const open: ReadModels[] = [];
jest.setTimeout(60_000);

beforeEach(async () => {
  side = await openWriteSide();
  instance = await side.instance();
  tasks = createTasks(instance.parts);
  await migrate(instance.pool, [
    { part: 'texts', migrations: textMigrations },
    { part: 'projections', migrations: projectionMigrations },
  ]);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((models) => models.stop()));
  await side.close();
});

async function start(): Promise<ReadModels> {
  const logger = createLog({ level: 'silent', format: 'json' }, { write() {} });
  const { pool, store, parts } = instance;
  const models = await startReadModels([listing], { connectionString: side.connectionString, pool, store, vault: parts.vault, logger });
  open.push(models);
  return models;
}

const newTask = { title: 'A task', description: '', priority: 'medium', status: 'todo', dueDate: null, tags: [], assignee: null } as const;
const someTasks = (n: number) => Promise.all(Array.from({ length: n }, () => tasks.create({ ...newTask, tags: [] }, call())));

async function until(isSo: () => boolean | Promise<boolean>, within = 20_000): Promise<void> {
  for (const deadline = Date.now() + within; Date.now() < deadline; await pause(10)) if (await isSo()) return;
  throw new Error('what was waited for did not come');
}
const indexesOf = async (generation: number) => {
  const { rows } = await instance.pool.query<{ name: string }>(
    'select indexname as name from pg_indexes where schemaname = $1 order by 1',
    [`listing_v6_g${generation}`],
  );
  return rows.map(({ name }) => name);
};
const caughtUp = async (models: ReadModels) => {
  expect(await models.progress.reached('listing', await instance.store.head(), 10_000)).toBe(true);
  // Which generation is read an instance hears of a moment after it has been decided.
  await until(() => models.isCaughtUp());
};

test('a read model that is made for the first time is not read before it has all events that there are', async () => {
  await someTasks(20);
  await prepareProjection(instance.pool, listing, instance.store.logId, 'building');
  await pauseRebuild(instance.pool, listing, true);
  const [one, other] = [await start(), await start()];
  for (const models of [one, other]) {
    expect(() => models.schema('listing')).toThrow(ReadModelIncomplete);
    expect(models.isCaughtUp()).toBe(false);
  }
  await pauseRebuild(instance.pool, listing, false);
  for (const models of [one, other]) {
    await until(() => models.isCaughtUp());
    expect((await readTables(instance.pool, models.schema('listing'))).tasks).toHaveLength(20);
  }
});

describe('a rebuild', () => {
  test('makes another generation beside the one that is read, and moves the readers when it has caught up: no row missing, none going back', async () => {
    const created = await someTasks(200);
    const models = await start();
    await caughtUp(models);
    expect(models.schema('listing')).toBe('listing_v6_g1');

    let writing = true;
    const writer = (async () => {
      for (let n = 0; writing; n++) await tasks.execute(created[n % 200]!.task.id, editTask, { title: `Title ${n}` }, call());
    })();
    const seen = new Map<string, number>();
    let looks = 0;
    const reader = (async () => {
      for (; writing; looks++) {
        const { rows } = await instance.pool.query(`select id, revision from ${models.schema('listing')}.tasks`);
        expect(rows).toHaveLength(200);
        for (const { id, revision } of rows) {
          expect(revision).toBeGreaterThanOrEqual(seen.get(id) ?? 0);
          seen.set(id, revision);
        }
      }
    })();

    await beginRebuild(instance.pool, listing, instance.store.logId);
    await expect(beginRebuild(instance.pool, listing, instance.store.logId)).rejects.toBeInstanceOf(RebuildRunning);
    await until(() => models.schema('listing') === 'listing_v6_g2');
    await pause(300);
    writing = false;
    await Promise.all([writer, reader]);
    expect(looks).toBeGreaterThan(10);
    await caughtUp(models);
    const head = await instance.store.head();
    await until(async () => (await generationsOf(instance.pool, listing)).every(({ position }) => position >= head));
    expect(await readTables(instance.pool, 'listing_v6_g2')).toEqual(await readTables(instance.pool, 'listing_v6_g1'));
  });

  test('can be taken back for a while: the former generation has been kept up to date; then it is dropped', async () => {
    await someTasks(5);
    const models = await start();
    await caughtUp(models);
    await beginRebuild(instance.pool, listing, instance.store.logId);
    await until(() => models.schema('listing') === 'listing_v6_g2');
    await someTasks(5);
    const former = await formerGeneration(instance.pool, listing);
    expect(former).toMatchObject({ generation: 1, state: 'retired' });
    const tasksIn = async (schema: string) => (await readTables(instance.pool, schema)).tasks?.length;
    await until(async () => (await tasksIn('listing_v6_g1')) === 10 && (await tasksIn('listing_v6_g2')) === 10);
    await until(() => promote(instance.pool, listing, former!.generation));
    await until(() => models.schema('listing') === 'listing_v6_g1');
    expect((await readTables(instance.pool, 'listing_v6_g1')).tasks).toHaveLength(10);
    await dropRetired(instance.pool, listing, 0);
    await until(() => models.models[0]!.generations().length === 1);
    const { rows } = await instance.pool.query(`select from information_schema.schemata where schema_name = 'listing_v6_g2'`);
    expect(rows).toHaveLength(0);
  });

  test('that is paused writes nothing until it goes on; one that was left half-way goes on from where it was', async () => {
    await someTasks(20);
    const before = await start();
    await caughtUp(before);
    await before.stop();
    open.splice(0);
    await beginRebuild(instance.pool, listing, instance.store.logId);
    expect(await pauseRebuild(instance.pool, listing, true)).toBe(true);
    const models = await start();
    await someTasks(5);
    await pause(700);
    expect((await generationsOf(instance.pool, listing))[1]).toMatchObject({ state: 'building', paused: true, position: 0n });
    expect((await readTables(instance.pool, 'listing_v6_g2')).tasks).toHaveLength(0);
    await pauseRebuild(instance.pool, listing, false);
    await until(() => models.schema('listing') === 'listing_v6_g2');
    expect((await readTables(instance.pool, 'listing_v6_g2')).tasks).toHaveLength(25);
  });

  test('is given its indexes when it has come to the end of the log, and is not read before', async () => {
    const before = await start();
    await someTasks(5);
    await caughtUp(before);
    await before.stop();
    open.splice(0);
    const { generation } = await beginRebuild(instance.pool, listing, instance.store.logId);
    const [live, building] = [await indexesOf(1), await indexesOf(generation)];
    expect(live).toContain('tasks_search');
    expect(building).not.toContain('tasks_search');
    // As far as positions go, it might be read.
    await instance.pool.query('update projections.generations set position = (select max(position) from projections.generations)');
    expect(await promote(instance.pool, listing, generation)).toBe(false);
    await instance.pool.query('update projections.generations set position = 0 where generation = $1', [generation]);
    const models = await start();
    await until(() => models.schema('listing') === 'listing_v6_g2');
    expect(await indexesOf(generation)).toEqual(live);
    expect(await readTables(instance.pool, 'listing_v6_g2')).toEqual(await readTables(instance.pool, 'listing_v6_g1'));
  });

  test('is followed by every instance', async () => {
    await someTasks(5);
    const [one, other] = [await start(), await start()];
    await until(() => one.isCaughtUp() && other.isCaughtUp());
    await beginRebuild(instance.pool, listing, instance.store.logId);
    await until(() => [one, other].every((models) => models.schema('listing') === 'listing_v6_g2'));
    await someTasks(5);
    await Promise.all([caughtUp(one), caughtUp(other)]);
  });
});
