import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { pipelinedTransactions, type Transaction, waitingTransactions } from '../../src/projections/projection-client.ts';
import { createTestDatabase } from '../support/postgres.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let client: pg.Client;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await client.end().catch(() => {});
  await database.drop();
});

describe.each<[string, boolean, (client: pg.ClientBase) => Transaction]>([
  ['a transaction that waits for each answer', false, waitingTransactions],
  ['a transaction that sends one statement behind the other', true, pipelinedTransactions],
])('%s', (_, pipeline, transactionsOn) => {
  let transaction: Transaction;

  beforeEach(async () => {
    client = new pg.Client({ connectionString: database.connectionString, pipeline });
    client.on('error', () => {});
    await client.connect();
    await client.query('create table numbers (n integer primary key)');
    transaction = transactionsOn(client);
  });

  const add = (n: number) => ({ name: 'add', text: 'insert into numbers values ($1)', values: [n] });
  const numbers = async () => (await client.query<{ n: number }>('select n from numbers order by n')).rows.map(({ n }) => n);

  test('has done all of the work when it resolves; what it reads has what it wrote', async () => {
    let read: unknown;
    await transaction(async ({ query, write }) => {
      await write(add(1));
      await write(add(2));
      read = (await query('select count(*)::integer as n from numbers')).rows;
      await write(add(3));
    });
    expect(read).toEqual([{ n: 2 }]);
    expect(await numbers()).toEqual([1, 2, 3]);
  });

  test('that one statement of fails leaves nothing behind, throws what that one failed with, and the next one is none the worse', async () => {
    const failing = transaction(async ({ write }) => {
      await write(add(1));
      await write(add(1));
      await write({ name: 'remove', text: 'delete from numbers where n = $1', values: [7] });
      await write(add(2));
    });
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    expect(await numbers()).toEqual([]);
    await transaction(async ({ write }) => {
      await write({ name: 'remove', text: 'delete from numbers where n = $1', values: [7] });
      await write(add(2));
    });
    expect(await numbers()).toEqual([2]);
  });

  test('that reads behind a statement that failed throws what that one failed with', async () => {
    const failing = transaction(async ({ query, write }) => {
      await write(add(1));
      await write(add(1));
      await query('select 1');
    });
    await expect(failing).rejects.toMatchObject({ code: '23505' });
  });

  test('takes back what it wrote when the work throws, and throws that', async () => {
    const failing = transaction(async ({ write }) => {
      await write(add(1));
      throw new Error('not today');
    });
    await expect(failing).rejects.toThrow('not today');
    expect(await numbers()).toEqual([]);
  });

  test('throws when its connection is cut', async () => {
    const failing = transaction(async ({ query, write }) => {
      await write(add(1));
      await query('select pg_terminate_backend(pg_backend_pid())');
      await write(add(2));
    });
    await expect(failing).rejects.toThrow();
    client = new pg.Client({ connectionString: database.connectionString });
    await client.connect();
    expect(await numbers()).toEqual([]);
  });
});
