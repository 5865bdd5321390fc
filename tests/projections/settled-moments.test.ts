import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { eventLogMigrations } from '../../src/events/store/postgres/schema.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { history } from '../../src/projections/history/history.ts';
import { createMoments, type Moments } from '../../src/projections/history/moments.ts';
import { projectionMigrations } from '../../src/projections/migrations.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const CLEAN_UP = '0006 one settled moment of a position';
let database: TestDatabase;
let pool: pg.Pool;
let moments: Moments;

const before = projectionMigrations.slice(
  0,
  projectionMigrations.findIndex(({ name }) => name === CLEAN_UP),
);
const eventLog = { part: 'event_log', migrations: eventLogMigrations };
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.connectionString, max: 3 });
  await migrate(pool, [eventLog, { part: 'projections', migrations: before }]);
  await pool.query(`create schema history_x; set search_path = history_x; ${history.tables}; reset search_path`);
  moments = createMoments(
    async (statement) => (await pool.query(statement)).rows,
    () => 'history_x',
  );
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

describe('the clean-up', () => {
  test('keeps the answer for every time, in one row a position', async () => {
    const cleanUp = projectionMigrations.find(({ name }) => name === CLEAN_UP)!.sql;
    const answersOf = async (client: pg.PoolClient, rule: string) => {
      const { rows } = await client.query(
        `select (${rule}) as position from generate_series(0, 41) second cross join lateral (select timestamptz '2026-01-01T00:00:00Z' + second * interval '1 second' as asked) a`,
      );
      return rows.map(({ position }) => position);
    };
    const least = 'select min(position) from projections.settled_moments where at >= asked';
    const first = 'select position from projections.settled_moments where at >= asked order by at limit 1';
    const rows = fc.uniqueArray(fc.tuple(fc.nat(40), fc.nat(9)), { selector: ([second]) => second, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(rows, async (settled) => {
        const client = await pool.connect();
        try {
          await client.query('begin');
          for (const [second, position] of settled)
            await client.query('insert into projections.settled_moments values ($1, $2)', [at(second), position]);
          const answers = await answersOf(client, least);
          await client.query(cleanUp);
          expect(await answersOf(client, first)).toEqual(answers);
          const { rows: kept } = await client.query('select position from projections.settled_moments order by at');
          const positions = kept.map(({ position }) => Number(position));
          expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
        } finally {
          await client.query('rollback');
          client.release();
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('a settled moment', () => {
  beforeAll(() => migrate(pool, [eventLog, { part: 'projections', migrations: projectionMigrations }]));
  beforeEach(() => pool.query('truncate projections.settled_moments, history_x.moments'));

  test('is one row on a quiet log, however often the present is asked for', async () => {
    for (let second = 0; second < 1_000; second++) expect(await moments.settle(at(second), 7n)).toBe(7n);
    const { rows } = await pool.query('select at, position from projections.settled_moments');
    expect(rows).toEqual([{ at: new Date(at(999)), position: '7' }]);
    expect(await moments.positionAt(at(500))).toBe(7n);
    expect(await moments.positionAt(at(1_000))).toBeUndefined();
  });

  test('keeps its position, whatever is settled for later times, by an instance that is behind as well', async () => {
    expect(await moments.settle(at(10), 5n)).toBe(5n);
    expect(await moments.settle(at(20), 4n)).toBe(5n);
    expect(await moments.settle(at(30), 9n)).toBe(9n);
    expect(await moments.settle(at(15), 8n)).toBe(5n);
    expect(await Promise.all([10, 15, 20, 25].map((second) => moments.positionAt(at(second))))).toEqual([5n, 5n, 5n, 9n]);
  });

  test('is settled alike by all who settle at once', async () => {
    const settled = await Promise.all(Array.from({ length: 30 }, (_, n) => moments.settle(at(n), BigInt(n % 7))));
    for (const [second, position] of settled.entries()) expect(await moments.positionAt(at(second))).toBe(position);
  });

  test('is looked up in one row of an index', async () => {
    await pool.query(
      `insert into projections.settled_moments select '2026-01-01'::timestamptz + n * interval '1 second', n from generate_series(1, 20000) n`,
    );
    await pool.query('analyze projections.settled_moments');
    const { rows } = await pool.query(
      `explain (analyze, format json) select position from projections.settled_moments where at >= '2026-01-01T01:00:00Z'::timestamptz order by at limit 1`,
    );
    const [scan] = rows[0]['QUERY PLAN'][0].Plan.Plans;
    expect([scan['Node Type'], scan['Actual Rows']]).toEqual(['Index Scan', 1]);
  });
});
