import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { handleOnce, taskEvent } from '../../examples/kafka-consumer/board.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.connectionString, max: 2 });
  const schema = await readFile('examples/kafka-consumer/schema.sql', 'utf8');
  for (let starts = 0; starts < 2; starts++) await pool.query(schema);
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

const headers = (type: string, revision: number, id = randomUUID()) => ({
  ce_id: Buffer.from(id),
  ce_type: Buffer.from(`tasktrail.task.${type}.v1`),
  ce_revision: Buffer.from(String(revision)),
});
const value = (task: object) => Buffer.from(JSON.stringify({ task }));

test('the board of the example follows a task through its deletion, its return and its erasure', async () => {
  const id = randomUUID();
  const row = async (type: string, revision: number, title: string | null) => {
    const event = taskEvent(headers(type, revision), value({ id, title, status: 'todo' }));
    expect(await handleOnce(pool, event!)).toBe(true);
    expect(await handleOnce(pool, event!)).toBe(false);
    return (await pool.query('select title, deleted, revision from board where task_id = $1', [id])).rows[0];
  };
  expect(await row('created', 0, 'Water the plants')).toEqual({ title: 'Water the plants', deleted: false, revision: 0 });
  expect(await row('deleted', 1, 'Water the plants')).toMatchObject({ deleted: true });
  expect(await row('restored', 2, 'Water the plants')).toMatchObject({ deleted: false });
  expect(await row('edited', 3, 'Feed the cat')).toEqual({ title: 'Feed the cat', deleted: false, revision: 3 });
  expect(await row('deleted', 4, null)).toEqual({ title: null, deleted: true, revision: 4 });
  expect(await row('created', 0, 'Water the plants')).toEqual({ title: null, deleted: true, revision: 4 });
});

test('the example takes a tombstone, a message without an id and garbage for no event', () => {
  const task = value({ id: randomUUID(), title: 'A', status: 'todo' });
  const { ce_id: _, ...withoutId } = headers('created', 0);
  expect(taskEvent(headers('created', 0), null)).toBeNull();
  expect(taskEvent(withoutId, task)).toBeNull();
  expect(taskEvent({}, task)).toBeNull();
  expect(taskEvent(headers('created', 0), Buffer.from('no JSON'))).toBeNull();
  expect(taskEvent(headers('created', 0), Buffer.from('null'))).toBeNull();
  expect(taskEvent(headers('created', 0), task)).toMatchObject({ revision: 0, task: { title: 'A' } });
});
