import { afterEach, expect, test } from '@jest/globals';
import type pg from 'pg';
import { isConnectionFailure } from '../../../src/platform/postgres/connection-failure.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { becomesTrue } from '../../../src/platform/postgres/processes.ts';
import { waitForDatabase } from '../../../src/platform/postgres/wait-for-database.ts';
import { servers } from './servers.ts';

const { usedDirectory, start } = servers();
const pools: pg.Pool[] = [];

function poolOf(connectionString: string): pg.Pool {
  const pool = createPool(connectionString, { max: 2, applicationName: 'wait test', onError: () => {} });
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
});

test('a database that is away is tried again, with a line each, until it answers', async () => {
  const directory = usedDirectory();
  const { connectionString, stop } = await start(directory);
  const pool = poolOf(connectionString);
  await waitForDatabase(pool, { signal: AbortSignal.timeout(5_000), log: (line) => expect(line).toBe('no line is needed') });
  await stop();
  expect(isConnectionFailure(await pool.query('select 1').catch((error) => error))).toBe(true);
  const lines: string[] = [];
  const waiting = waitForDatabase(pool, { signal: AbortSignal.timeout(20_000), log: (line) => lines.push(line) });
  expect(await becomesTrue(async () => lines.length >= 2, 5_000)).toBe(true);
  await start(directory);
  await waiting;
  expect(lines[0]).toMatch(/^the database cannot be reached: connect ENOENT .*; next try in 100 ms$/);
  expect(lines[1]).toMatch(/; next try in 200 ms$/);
});

test('a server that shuts down and lets nobody in is waited for, until the signal ends the waiting', async () => {
  const { connectionString, pid } = await start(usedDirectory());
  const held = await poolOf(connectionString).connect();
  process.kill(pid, 'SIGTERM');
  const lines: string[] = [];
  const giveUp = new AbortController();
  const waiting = waitForDatabase(poolOf(connectionString), { signal: giveUp.signal, log: (line) => lines.push(line) });
  expect(await becomesTrue(async () => lines.some((line) => line.includes('the database system is shutting down')), 5_000)).toBe(true);
  giveUp.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  held.release(true);
});

test('what waiting does not heal is thrown at once', async () => {
  const { connectionString } = await start(usedDirectory());
  const url = new URL(connectionString);
  url.password = 'wrong';
  const waiting = waitForDatabase(poolOf(url.href), { signal: AbortSignal.timeout(5_000), log: () => {} });
  await expect(waiting).rejects.toMatchObject({ code: '28P01' });
});
