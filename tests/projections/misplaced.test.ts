import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { editTask } from '../../src/commands/task/edit-task.ts';
import { createTasks, type Tasks } from '../../src/commands/tasks.ts';
import { createLog } from '../../src/platform/logging.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { textMigrations } from '../../src/platform/text/schema.ts';
import { allProjections } from '../../src/projections/all-projections.ts';
import { beginRebuild, generationsOf } from '../../src/projections/generation.ts';
import { listing } from '../../src/projections/listing/listing.ts';
import { projectionMigrations } from '../../src/projections/migrations.ts';
import { ReadModelsAhead } from '../../src/projections/misplaced.ts';
import { type ReadModels, startReadModels } from '../../src/projections/read-models.ts';
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
  await stopAll();
  await side.close();
});

const stopAll = () => Promise.all(open.splice(0).map((models) => models.stop()));

async function start(more: { evenMisplaced?: boolean } = {}): Promise<ReadModels> {
  const logger = createLog({ level: 'silent', format: 'json' }, { write() {} });
  const { pool, parts } = instance;
  // As another instance of the service would: its store is opened on the log as it is now.
  const { store } = await side.instance();
  const models = await startReadModels(allProjections, {
    ...{ connectionString: side.connectionString, pool, store, vault: parts.vault, logger },
    ...more,
  });
  open.push(models);
  return models;
}

const newTask = { title: 'A task', description: '', priority: 'medium', status: 'todo', dueDate: null, assignee: null } as const;
async function someTasks(n: number): Promise<void> {
  for (let made = 0; made < n; made++) await tasks.create({ ...newTask, tags: [] }, call());
}

async function until(isSo: () => boolean | Promise<boolean>, within = 20_000): Promise<void> {
  for (const deadline = Date.now() + within; Date.now() < deadline; await pause(10)) if (await isSo()) return;
  throw new Error('what was waited for did not come');
}

/** Read models that know of so many tasks, and stand still. */
async function readModelsOf(n: number): Promise<void> {
  await someTasks(n);
  const models = await start();
  const head = await instance.store.head();
  for (const { name } of allProjections) expect(await models.progress.reached(name, head, 10_000)).toBe(true);
  await stopAll();
}

/** Puts the log back to where it ended with this position: what a backup of it would hold that was made then. */
const restoreTo = (position: number) => instance.pool.query('delete from event_log.events where position > $1', [position]);
const tasksIn = async (schema: string) => (await readTables(instance.pool, schema)).tasks!.length;

describe('read models over a log that was restored', () => {
  test('do not start when they are ahead of it; the message names them and the way out', async () => {
    await readModelsOf(10);
    await restoreTo(6);
    const starting = start();
    await expect(starting).rejects.toBeInstanceOf(ReadModelsAhead);
    await expect(starting).rejects.toThrow(
      /listing is at position 10, beyond the end of the log; activity .* npm run rebuild -- listing activity[a-z ]*$/,
    );
  });

  test('do not start when it has grown again meanwhile, with other events', async () => {
    await readModelsOf(10);
    await restoreTo(6);
    await someTasks(10);
    await expect(start()).rejects.toThrow(/listing has events that the log has not \(task-.*, revision 0\)/);
  });

  test('do not start when it has another event in the place of the last one that they know', async () => {
    const { task } = await tasks.create({ ...newTask, tags: [] }, call());
    await tasks.execute(task.id, editTask, { title: 'Lost with the restore' }, call());
    await readModelsOf(0);
    await restoreTo(1);
    await createTasks((await side.instance()).parts).execute(task.id, editTask, { title: 'Written instead' }, call());
    await expect(start()).rejects.toThrow(/listing has other events than the log \(task-.*, revision 1\)/);
  });

  test('do not start when it is another log', async () => {
    await readModelsOf(3);
    await instance.pool.query('update event_log.log set log_id = gen_random_uuid()');
    await expect(start()).rejects.toThrow(/listing was made from the log [\da-f-]+, and this is the log [\da-f-]+;/);
  });

  test('do not start when it is in another store, where positions are others', async () => {
    await readModelsOf(3);
    await instance.pool.query('update event_log.events set origin = origin + 1000, position = position + 1000');
    await expect(start()).rejects.toThrow(/listing has the positions of another event store/);
  });

  test('start when nothing but the end of the log is missing to them', async () => {
    await readModelsOf(3);
    await someTasks(3);
    const models = await start();
    expect(await models.progress.reached('listing', await instance.store.head(), 10_000)).toBe(true);
  });

  test('are made anew beside the old ones, which nobody writes any more and which go when they are replaced', async () => {
    await readModelsOf(10);
    await restoreTo(6);
    await someTasks(2);
    const models = await start({ evenMisplaced: true });
    const before = (await generationsOf(instance.pool, listing))[0]!;
    expect(models.models.map((model) => model.projector(1))).toEqual(allProjections.map(() => undefined));
    for (const projection of allProjections) await beginRebuild(instance.pool, projection, instance.store.logId);
    await until(() => allProjections.every(({ name, version }) => models.schema(name) === `${name}_v${version}_g2`));
    expect(before.position).toBe(10n);
    expect(await tasksIn('listing_v6_g2')).toBe(8);
    expect(await generationsOf(instance.pool, listing)).toMatchObject([{ generation: 2, state: 'live', position: 8n }]);
    const { rows } = await instance.pool.query(`select from information_schema.schemata where schema_name ~ '_v[0-9]+_g1$'`);
    expect(rows).toHaveLength(0);
    await stopAll();
    await start();
    await someTasks(1);
    await until(async () => (await tasksIn('listing_v6_g2')) === 9);
  });

  test('a rebuild that was under way is given up with it, and begun again from nothing', async () => {
    await readModelsOf(10);
    await beginRebuild(instance.pool, listing, instance.store.logId);
    await instance.pool.query(`update projections.generations set position = 9 where state = 'building'`);
    await restoreTo(6);
    await expect(start()).rejects.toBeInstanceOf(ReadModelsAhead);
    expect(await generationsOf(instance.pool, listing)).toHaveLength(2);
    const models = await start({ evenMisplaced: true });
    expect(await generationsOf(instance.pool, listing)).toHaveLength(1);
    await beginRebuild(instance.pool, listing, instance.store.logId);
    await until(() => models.schema('listing') === 'listing_v6_g2');
    expect(await tasksIn('listing_v6_g2')).toBe(6);
  });
});
