import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { pauseRebuild } from '../../src/projections/generation.ts';
import { listing } from '../../src/projections/listing/listing.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { keys, startTestService, type TestService } from '../support/service.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { fillLog } from './history.ts';
import { dataDirectory, runTool, startTool } from './run-tool.ts';

jest.setTimeout(60_000);

const EVENTS = 6_000;
const directory = dataDirectory();
let connectionString: string;
let pool: pg.Pool;
let drop: () => Promise<void>;
let service: TestService | undefined;

beforeAll(async () => {
  ({ connectionString, drop } = await createTestDatabase());
  pool = new pg.Pool({ connectionString, max: 2 });
  await fillLog(connectionString, { tasks: 400, events: EVENTS });
  // The first making of them; what is made beside it is a rebuild.
  expect(await rebuild('listing', 'activity')).toMatchObject({ code: 0 });
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
});
afterAll(async () => {
  await pool.end();
  await drop();
  await directory.remove();
});

const rebuild = (...args: string[]) => runTool('rebuild', args, { DATA_DIR: directory.path, DATABASE_URL: connectionString });
const generations = async (name = 'listing') =>
  (await pool.query(`select generation, state, paused, position from projections.generations where name = $1 order by 1`, [name])).rows;
const liveTasks = async () => {
  const live = (await generations()).find(({ state }) => state === 'live');
  return (await pool.query(`select count(*)::integer as n from listing_v6_g${live.generation}.tasks`)).rows[0].n;
};

async function until(isSo: () => boolean | Promise<boolean>, within = 20_000): Promise<void> {
  for (const deadline = Date.now() + within; Date.now() < deadline; await pause(5)) if (await isSo()) return;
  throw new Error('what was waited for did not come');
}

describe('npm run rebuild', () => {
  test('does the work itself where no service runs; killed midway, it goes on', async () => {
    const killed = startTool('rebuild', ['listing'], { DATA_DIR: directory.path, DATABASE_URL: connectionString });
    await until(async () =>
      (await generations().catch(() => [])).some(({ state, position }) => state === 'building' && Number(position) > 0),
    );
    killed.child.kill('SIGKILL');
    await killed.outcome;
    expect(await generations()).toMatchObject([{ state: 'live' }, { state: 'building' }]);
    const { code, stdout, stderr } = await rebuild('listing');
    expect({ code, stdout, stderr }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('generation 2 of listing is read from now on'),
    });
    expect((await generations())[1]).toMatchObject({ state: 'live', position: String(EVENTS) });
    expect(await liveTasks()).toBe((await pool.query('select count(*)::integer as n from event_log.events where revision = 0')).rows[0].n);
  });

  test('tells how it is going, pauses, goes on, and takes back', async () => {
    await rebuild('activity');
    const { rows } = await pool.query<{ generation: number }>(
      `select generation from projections.generations where name = 'activity' and state = 'live'`,
    );
    expect((await rebuild('activity', '--status')).stdout).toContain(
      `generation ${rows[0]!.generation}: live, position ${EVENTS} of ${EVENTS} (100.0 %)`,
    );
    expect((await rebuild('activity', '--pause')).stdout).toContain('activity is not being rebuilt');
    expect((await rebuild('activity', '--back')).stdout).toContain(`generation ${rows[0]!.generation - 1} of activity is read again`);
    expect((await rebuild('--status')).stdout).toMatch(/listing, version \d+; the service does not run\n[\s\S]*activity, version \d+/);
  });

  test.each([
    [['nothing'], /there is no read model "nothing"/],
    [['listing', '--pause', '--back'], /--pause and --back do not go together/],
  ])('says what it takes when it is called with %j', async (args, message) => {
    expect(await rebuild(...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });

  test('lets the service do it where one runs, and shows how far it is', async () => {
    service = await startTestService({ DATABASE_URL: connectionString });
    const before = (await generations()).at(-1).generation;
    const paused = startTool('rebuild', ['listing'], { DATA_DIR: directory.path, DATABASE_URL: connectionString });
    // The tool would be too late to catch it in the midst of so few events.
    await until(() => pauseRebuild(pool, listing, true));
    expect((await rebuild('listing', '--pause')).stdout).toContain('listing is paused');
    expect((await rebuild('listing', '--status')).stdout).toMatch(/the service runs\n[\s\S]*building, paused/);
    await pause(600);
    expect((await rebuild('listing', '--resume')).stdout).toContain('listing goes on');
    const { code, stdout } = await paused.outcome;
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining(`generation ${before + 1} of listing`) });
    expect(service.log.join('\n')).toContain(`the projection listing_v6_g${before + 1} goes on from position`);
  });

  test('reaches the embedded database of a service that runs', async () => {
    const data = join(directory.path, 'embedded');
    await mkdir(data);
    const running = await startServiceProcess({ ...keys, DATA_DIR: data });
    try {
      const { code, stdout } = await runTool('rebuild', ['listing'], { DATA_DIR: data });
      expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('generation 2 of listing') });
    } finally {
      await running.end('SIGTERM');
      await rm(data, { recursive: true, force: true, maxRetries: 5 });
    }
  });
});
