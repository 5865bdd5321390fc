import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { createLog } from '../../../src/platform/logging.ts';
import { migrate } from '../../../src/platform/postgres/migrate.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { attemptLog } from '../../../src/platform/rate-limits/attempt-log.ts';
import { rateLimitMigrations } from '../../../src/platform/rate-limits/schema.ts';
import { startSharedWindows } from '../../../src/platform/rate-limits/shared-windows.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

let database: TestDatabase;
let pool: pg.Pool;
const pools: pg.Pool[] = [];
const lines: string[] = [];
const log = createLog({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) }).named('limits');

const poolOn = (connectionString: string) => {
  const made = createPool(connectionString, { max: 3, applicationName: 'test', onError: () => {}, connectTimeout: 500 });
  pools.push(made);
  return made;
};
beforeAll(async () => {
  database = await createTestDatabase();
  pool = poolOn(database.connectionString);
  await migrate(pool, [{ part: 'rate_limits', migrations: rateLimitMigrations }]);
});
afterAll(async () => {
  await Promise.all(pools.map((one) => one.end()));
  await database.drop();
});

const instance = (on = pool) =>
  startSharedWindows({ pool: on, log, every: 20, windows: { user: { limit: 10, length: 60_000, keys: 100 } } });

/** Waits until it is so, for two seconds at most. */
async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 2000; !isSo(); await sleep(5)) if (Date.now() > deadline) throw new Error('It did not come to be so');
}

describe('windows that several instances count in', () => {
  test('hold for all of them together, and for one that starts later', async () => {
    const [one, other] = [await instance(), await instance()];
    for (let n = 0; n < 4; n++) one.take('user', 'a');
    for (let n = 0; n < 3; n++) other.take('user', 'a');
    await until(() => one.look('user', 'a').remaining === 3 && other.look('user', 'a').remaining === 3);
    for (let n = 0; n < 3; n++) expect(other.take('user', 'a').refused).toBe(false);
    await until(() => one.take('user', 'a').refused);
    await Promise.all([one.close(), other.close()]);

    const later = await instance();
    expect(later.look('user', 'a').remaining).toBe(0);
    expect(later.look('user', 'b').remaining).toBe(10);
    await later.close();
  });

  test('need no statement for each request', async () => {
    const one = await instance();
    for (let n = 0; n < 1000; n++) one.take('user', `busy ${n % 20}`);
    await one.close();
    const { rows } = await pool.query(`select 1 from rate_limits.takings where counts like '%busy%'`);
    expect(rows.length).toBeLessThanOrEqual(2);
  });

  test('are counted alone while the database is away, and told when it is back', async () => {
    const url = new URL(database.connectionString);
    const proxy = await startTcpProxy({ path: `${decodeURIComponent(url.hostname)}/.s.PGSQL.${url.port}` });
    const throughProxy = `postgres://${url.username}:${url.password}@127.0.0.1:${proxy.port}${url.pathname}?sslmode=disable`;
    const [cut, whole] = [await instance(poolOn(throughProxy)), await instance()];
    proxy.refuse();
    proxy.cut();
    for (let n = 0; n < 10; n++) expect(cut.take('user', 'c').refused).toBe(false);
    expect(cut.take('user', 'c').refused).toBe(true);
    await until(() => lines.some((line) => line.includes('cannot be shared')));
    expect(whole.look('user', 'c').remaining).toBe(10);
    proxy.accept();
    await until(() => whole.look('user', 'c').remaining === 0);
    await Promise.all([cut.close(), whole.close()]);
    await proxy.close();
  });
});

describe('attempts that each cost a statement', () => {
  const minute = { limit: 10, length: 60_000 };

  test('are exactly as many as may be, however many are made at once from several instances', async () => {
    const logs = [attemptLog(pool), attemptLog(poolOn(database.connectionString))];
    const taken = await Promise.all(Array.from({ length: 40 }, (_, n) => logs[n % 2]!.take(['login', 'a'], minute)));
    expect(taken.filter(({ refused }) => !refused).map(({ remaining }) => remaining)).toHaveLength(10);
    const after = await logs[0]!.take(['login', 'a'], minute);
    expect(after).toMatchObject({ limit: 10, remaining: 0, refused: true });
    expect(after.wait).toBeGreaterThan(50_000);
    expect(after.wait).toBeLessThanOrEqual(60_000);
    expect(Math.abs(after.resetAt - after.wait - Date.now())).toBeLessThan(1000);
    expect(await logs[0]!.take(['login', 'b'], minute)).toMatchObject({ remaining: 9, refused: false });
  });

  test('are forgotten one by one, and refused ones do not count', async () => {
    const attempts = attemptLog(pool);
    const short = { limit: 2, length: 300 };
    await attempts.take(['c'], short);
    await sleep(150);
    expect(await attempts.take(['c'], short)).toMatchObject({ remaining: 0, refused: false });
    const { refused, wait } = await attempts.take(['c'], short);
    expect(refused).toBe(true);
    await sleep(wait + 5);
    expect(await attempts.take(['c'], short)).toMatchObject({ remaining: 0, refused: false });
    expect(await attempts.take(['c'], short)).toMatchObject({ refused: true });
  });

  test('are kept without the names of those who made them', async () => {
    await attemptLog(pool).take(['login', '192.0.2.7', 'canary@tasks.test'], minute);
    const { rows } = await pool.query('select attempts::text as text from rate_limits.attempts as attempts');
    expect(JSON.stringify(rows)).not.toMatch(/canary|192\.0\.2\.7/);
  });
});
