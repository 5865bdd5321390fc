import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import {
  DatabaseOccupied,
  isOccupied,
  isOlderServiceAtWork,
  type Occupancy,
  occupy,
  occupyAlone,
} from '../../../src/platform/postgres/occupancy.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;
const held: Occupancy[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.connectionString, max: 1 });
});
afterEach(async () => {
  for (const occupancy of held.splice(0)) await occupancy.release();
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function service(vocabulary = 1, log: (line: string) => void = () => {}): Promise<Occupancy> {
  const occupancy = await occupy(database.connectionString, { vocabulary, log });
  held.push(occupancy);
  return occupancy;
}
async function tool(): Promise<Occupancy & { lost: AbortSignal }> {
  const occupancy = await occupyAlone(database.connectionString);
  held.push(occupancy);
  return occupancy;
}
const cutConnections = () =>
  pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tasktrail occupancy'`);

async function holders(): Promise<number[]> {
  const { rows } = await pool.query<{ pid: number }>(`select pid from pg_locks where locktype = 'advisory' and mode = 'ShareLock'`);
  return rows.map(({ pid }) => pid);
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await pause(20)) if (await isSo()) return;
  throw new Error('what was waited for did not come');
}

describe('who works on a database', () => {
  test('any number of services do at once', async () => {
    expect(await isOccupied(pool)).toBe(false);
    const [one, other] = [await service(), await service()];
    expect(await isOccupied(pool)).toBe(true);
    await one.release();
    expect(await isOccupied(pool)).toBe(true);
    await other.release();
    expect(await isOccupied(pool)).toBe(false);
  });

  test('a service is of an older release where it lacks the vocabulary that is asked for', async () => {
    expect(await isOlderServiceAtWork(pool, 2)).toBe(false);
    await service(3);
    await service(2);
    expect([await isOlderServiceAtWork(pool, 2), await isOlderServiceAtWork(pool, 3)]).toEqual([false, true]);
    const older = await service(1);
    expect(await isOlderServiceAtWork(pool, 2)).toBe(true);
    await older.release();
    expect(await isOlderServiceAtWork(pool, 2)).toBe(false);
  });

  test('a tool that must be alone is refused while a service runs, and a service while such a tool does', async () => {
    const running = await service();
    await expect(tool()).rejects.toBeInstanceOf(DatabaseOccupied);
    await expect(tool()).rejects.toThrow('stop every instance first');
    await running.release();
    const working = await tool();
    await expect(tool()).rejects.toBeInstanceOf(DatabaseOccupied);
    await expect(service()).rejects.toThrow('start the service when it has finished');
    expect(await isOccupied(pool)).toBe(false);
    await working.release();
    await service();
  });

  test('a service whose connection was cut has its place again in a moment', async () => {
    await service();
    const [before] = await holders();
    await cutConnections();
    await until(async () => !(await holders()).includes(before!) && (await isOccupied(pool)));
    await expect(tool()).rejects.toBeInstanceOf(DatabaseOccupied);
  });

  test('a tool whose connection was cut hears of it', async () => {
    const working = await tool();
    await cutConnections();
    await until(() => working.lost.aborted);
    await service();
  });
});
