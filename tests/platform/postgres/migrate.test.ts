import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type pg from 'pg';
import { DatabaseUnavailable } from '../../../src/platform/postgres/connection-failure.ts';
import { type MigrationPart, migrate } from '../../../src/platform/postgres/migrate.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = poolOf();
}, 30_000);
beforeEach(async () => {
  await pool.query('drop schema public cascade; create schema public');
});
const others: pg.Pool[] = [];
afterEach(async () => {
  await Promise.all(others.splice(0).map((other) => other.end()));
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

function poolOf(): pg.Pool {
  return createPool(database.connectionString, { max: 3, applicationName: 'migrate test', onError: () => {}, statementTimeout: 100 });
}

const fruit = { name: '0001-fruit', sql: 'create table fruit (name text); insert into fruit values ($$apple$$)' };
const pear = { name: '0002-pear', sql: 'insert into fruit values ($$pear$$)' };
const plum = { name: '0003-plum', sql: 'insert into fruit values ($$plum$$)' };
const broken = { name: '0002-broken', sql: 'insert into fruit values ($$fig$$); select nonsense' };
const garden = (...migrations: MigrationPart['migrations']): MigrationPart[] => [{ part: 'garden', migrations }];

const fruits = async () => (await pool.query('select name from fruit order by name')).rows.map(({ name }) => name);
const remembered = async () =>
  (await pool.query('select part, name from public.tasktrail_migrations order by part, name')).rows.map(
    ({ part, name }) => `${part}/${name}`,
  );

test('what is missing is applied in its order, and only once', async () => {
  expect(await migrate(pool, garden(fruit))).toEqual([{ part: 'garden', name: '0001-fruit' }]);
  expect(await migrate(pool, garden(fruit, pear, plum))).toEqual([
    { part: 'garden', name: '0002-pear' },
    { part: 'garden', name: '0003-plum' },
  ]);
  expect(await migrate(pool, garden(fruit, pear, plum))).toEqual([]);
  expect(await fruits()).toEqual(['apple', 'pear', 'plum']);
  expect(await remembered()).toEqual(['garden/0001-fruit', 'garden/0002-pear', 'garden/0003-plum']);
});

test('parts have their own histories, with names of their own', async () => {
  const shed = { part: 'shed', migrations: [{ name: '0001-fruit', sql: 'create table tools ()' }] };
  await migrate(pool, [...garden(fruit), shed]);
  expect(await remembered()).toEqual(['garden/0001-fruit', 'shed/0001-fruit']);
});

test('instances that start at once do it once, however long it takes', async () => {
  others.push(poolOf(), poolOf());
  const slow = { name: '0002-slow', sql: 'select pg_sleep(0.5); insert into fruit values ($$quince$$)' };
  const applied = await Promise.all([pool, ...others].map((each) => migrate(each, garden(fruit, slow))));
  expect(applied.map((names) => names.length).sort()).toEqual([0, 0, 2]);
  expect(await fruits()).toEqual(['apple', 'quince']);
});

test('a migration that fails is named, leaves nothing of itself, and keeps those before it', async () => {
  await expect(migrate(pool, garden(fruit, broken, plum))).rejects.toThrow(
    'Migration garden/0002-broken failed: column "nonsense" does not exist',
  );
  expect(await fruits()).toEqual(['apple']);
  expect(await remembered()).toEqual(['garden/0001-fruit']);
  await migrate(pool, garden(fruit, pear));
  expect(await fruits()).toEqual(['apple', 'pear']);
});

test('a migration that cannot be remembered leaves nothing of itself', async () => {
  const namesake = { ...pear, name: fruit.name };
  await expect(migrate(pool, garden(fruit, namesake))).rejects.toThrow('Migration garden/0001-fruit failed: duplicate key');
  expect(await fruits()).toEqual(['apple']);
});

test('a migration that was edited after it had been applied is an error that names it, and nothing is applied', async () => {
  await migrate(pool, garden(fruit));
  await expect(migrate(pool, garden({ ...fruit, sql: `${fruit.sql} ` }, pear))).rejects.toThrow(
    'Migration garden/0001-fruit was changed after it had been applied.',
  );
  expect(await fruits()).toEqual(['apple']);
});

test('a migration put in before one that is applied is an error that names it', async () => {
  await migrate(pool, garden(fruit, plum));
  await expect(migrate(pool, garden(fruit, pear, plum))).rejects.toThrow('Migration garden/0002-pear comes before 0003-plum');
});

test('what a newer binary has applied does not stop an older one', async () => {
  await migrate(pool, garden(fruit, pear, plum));
  expect(await migrate(pool, garden(fruit, pear))).toEqual([]);
});

test('a database that goes away in the midst is said to be unavailable, and the next try goes on', async () => {
  const deadly = { name: '0002-pear', sql: 'insert into fruit values ($$fig$$); select pg_terminate_backend(pg_backend_pid())' };
  await expect(migrate(pool, garden(fruit, deadly))).rejects.toThrow(DatabaseUnavailable);
  await migrate(pool, garden(fruit, pear));
  expect(await fruits()).toEqual(['apple', 'pear']);
});
