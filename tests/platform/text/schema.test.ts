import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { migrate } from '../../../src/platform/postgres/migrate.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { requireIcu, textMigrations } from '../../../src/platform/text/schema.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.connectionString, { max: 1, applicationName: 'tests', onError: () => {} });
  await migrate(pool, [{ part: 'texts', migrations: textMigrations }]);
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

test('a server with ICU is accepted, and one without is refused with a message that says what to do', async () => {
  await requireIcu(pool);
  // A table that stands before the catalogue's, as that of a server without ICU is.
  await pool.query('create schema shadow; create table shadow.pg_collation (collname name, collprovider "char")');
  await pool.query('set search_path = shadow, pg_catalog');
  await expect(requireIcu(pool)).rejects.toThrow('Set DATABASE_URL to a server that was built with ICU');
  await pool.query('reset search_path');
});

test.each([
  ['Crème Brûlée', 'creme brulee'],
  ['Cafe\u0301', 'cafe'],
  ['ŁÓDŹ', 'lodz'],
  ['STRAẞE', 'strasse'],
  ['İstanbul', 'istanbul'],
  ['Þór og Ægir', 'thor og aegir'],
  ['שָׁלוֹם', 'שלום'],
  ['مَرْحَبًا', 'مرحبا'],
  ['ΟΔΟΣ', 'οδοσ'],
  // What is no accent stays: other words would be found otherwise.
  ['がく', 'がく'],
  ['ทดสอบที่', 'ทดสอบที่'],
  ['한국', '한국'],
  ['हिन्दी', 'हिन्दी'],
])('%j is compared as %j', async (text, expected) => {
  const { rows } = await pool.query('select texts.fold($1) as folded, texts.fold(normalize($1, nfd)) as decomposed', [text]);
  expect(rows[0]).toEqual({ folded: expected, decomposed: expected });
});
