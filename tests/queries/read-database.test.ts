import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import pg from 'pg';
import { DatabaseUnavailable } from '../../src/platform/postgres/connection-failure.ts';
import { type ReadDatabase, readDatabase } from '../../src/queries/read-database.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;
let db: ReadDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.connectionString, max: 4 });
  pool.on('connect', (client) => client.on('error', () => {}));
  db = readDatabase(pool);
  await pool.query('create table numbers as select generate_series(1, 1234) as n');
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const numbers = sql<{ n: number }>`select n from numbers order by n`;
const open = new AbortController().signal;

async function all(signal = open): Promise<number[]> {
  const read: number[] = [];
  for await (const rows of db.batches(numbers, signal)) read.push(...rows.map(({ n }) => n));
  return read;
}

describe('batches', () => {
  test('are all rows, in order, and leave the connection usable', async () => {
    expect(await all()).toEqual(Array.from({ length: 1234 }, (_, n) => n + 1));
    expect([pool.idleCount, pool.totalCount]).toEqual([1, 1]);
  });

  test('are of one snapshot', async () => {
    const batches = db.batches(numbers, open);
    const first = await batches.next();
    await pool.query('insert into numbers values (5000)');
    let read = first.value!.length;
    for await (const rows of batches) read += rows.length;
    expect(read).toBe(1234);
    await pool.query('delete from numbers where n = 5000');
  });

  test('that nobody reads to their end give their connection back', async () => {
    for await (const _ of db.batches(numbers, open)) break;
    expect(pool.totalCount - pool.idleCount).toBe(0);
    expect(await all()).toHaveLength(1234);
  });

  test('end when the client goes, also while the first of them is waited for', async () => {
    const blocker = await pool.connect();
    await blocker.query('begin; lock table numbers in access exclusive mode');
    const client = new AbortController();
    const reading = db.batches(numbers, client.signal).next();
    setTimeout(() => client.abort(), 100);
    expect(await reading).toEqual({ done: true, value: undefined });
    await blocker.query('rollback');
    blocker.release();
    expect(await all()).toHaveLength(1234);
    expect(await all(AbortSignal.abort())).toEqual([]);
  });

  test('of a statement that is refused throw, and give their connection back', async () => {
    await expect(db.batches(sql`select 1 / (n - 100) from numbers`, open).next()).rejects.toThrow('division by zero');
    expect(pool.totalCount - pool.idleCount).toBe(0);
  });
});

describe('rows', () => {
  test('of a statement that runs again and again are planned once a connection', async () => {
    const one = sql<{ x: number }>`select ${1}::int as x`;
    expect(await db.rows(one, { prepared: true })).toEqual([{ x: 1 }]);
    const client = await pool.connect();
    client.release();
    expect(await db.rows(sql<{ x: number }>`select ${2}::int as x`, { prepared: true })).toEqual([{ x: 2 }]);
    const { rows } = await pool.query(`select statement from pg_prepared_statements where statement = 'select $1::int as x'`);
    expect(rows).toHaveLength(1);
  });

  test('of ever other statements stop being prepared, before the server is full of them', async () => {
    for (let n = 0; n < 230; n++) await db.rows(sql`select ${sql.lit(n)}`, { prepared: true });
    const { rows } = await pool.query('select count(*)::int as n from pg_prepared_statements');
    expect(rows[0].n).toBeLessThanOrEqual(200);
  });

  test('throw DatabaseUnavailable when the database is away', async () => {
    const nowhere = new pg.Pool({ host: '127.0.0.1', port: 1 });
    const away = readDatabase(nowhere);
    await expect(away.rows(numbers)).rejects.toThrow(DatabaseUnavailable);
    await expect(away.batches(numbers, open).next()).rejects.toThrow(DatabaseUnavailable);
    await nowhere.end();
  });
});
