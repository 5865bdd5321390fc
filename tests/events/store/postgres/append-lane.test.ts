import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { EventStore } from '../../../../src/events/store/event-store.ts';
import { anEvent, append, aStream, outcomeOf, revisionsOf } from '../../../contract/events.ts';
import { aPostgresStore, type PostgresStore } from './a-postgres-store.ts';

let database: PostgresStore;
let store: EventStore;
let sql: pg.Client;
beforeAll(async () => {
  database = await aPostgresStore();
  store = await database.open();
  sql = await database.connect();
});
afterAll(() => database.close());

const transactionsOf = async (prefix: string) =>
  (await sql.query('select count(distinct xmin::text)::int as n from event_log.events where stream like $1', [`${prefix}%`])).rows[0].n;

describe('group commit', () => {
  test('writes the appends that wait together in one transaction', async () => {
    await Promise.all(Array.from({ length: 200 }, () => store.append(append(aStream('together'), 'no_stream', anEvent()))));
    expect(await transactionsOf('together')).toBeLessThanOrEqual(2);
  });

  test('bounds a batch by events and by bytes', async () => {
    const bounded = await database.open({ queue: { batchEvents: 10, batchBytes: 10_000 } });
    await Promise.all(Array.from({ length: 40 }, () => bounded.append(append(aStream('few'), 'no_stream', anEvent()))));
    expect(await transactionsOf('few')).toBeGreaterThanOrEqual(4);
    await Promise.all(
      Array.from({ length: 6 }, () => bounded.append(append(aStream('large'), 'no_stream', anEvent(Buffer.alloc(20_000))))),
    );
    expect(await transactionsOf('large')).toBe(6);
  });

  test('writes appends to one stream one after the other, while others pass', async () => {
    const stream = aStream('queue');
    const order: string[] = [];
    const first = Array.from({ length: 5 }, (_, index) =>
      store.append(append(stream, index === 0 ? 'no_stream' : index - 1, anEvent())).then(() => order.push(`${index}`)),
    );
    const other = store.append(append(aStream('passes'), 'no_stream', anEvent())).then(() => order.push('other'));
    await Promise.all([...first, other]);
    expect(order.filter((name) => name !== 'other')).toEqual(['0', '1', '2', '3', '4']);
    expect(order.indexOf('other')).toBeLessThan(2);
    expect(revisionsOf(await store.readStream(stream))).toEqual([0, 1, 2, 3, 4]);
  });
});

test('a connection that is lost again and again is made anew, and no caller hears of it', async () => {
  let writing = true;
  const writers = Array.from({ length: 20 }, async () => {
    const stream = aStream('unnoticed');
    for (let revision = -1; writing; revision++) await store.append(append(stream, revision === -1 ? 'no_stream' : revision, anEvent()));
  });
  const lane = "pid from pg_stat_activity where application_name = 'tasktrail append' and datname = current_database()";
  for (let round = 0; round < 10; round++) {
    await sleep(80);
    await sql.query(`select pg_terminate_backend(pid) from (select ${lane}) lanes`);
  }
  await sleep(100);
  writing = false;
  await Promise.all(writers);
  const twice = "select id from event_log.events where stream like 'unnoticed%' group by id having count(*) > 1";
  expect((await sql.query(twice)).rowCount).toBe(0);
});

describe('what the database refuses', () => {
  test('fails alone, as a fault and not as an unavailable store, and its neighbours are written', async () => {
    await sql.query("alter table event_log.events add constraint wholesome check (type <> 'Poison')");
    const poisoned = new Set([3, 17, 18]);
    const streams = Array.from({ length: 30 }, () => aStream('refused'));
    const outcomes = await Promise.all(
      streams.map((stream, index) =>
        outcomeOf(store.append(append(stream, 'no_stream', poisoned.has(index) ? { ...anEvent(), type: 'Poison' } : anEvent()))),
      ),
    );
    for (const [index, outcome] of outcomes.entries()) expect(outcome).toBe(poisoned.has(index) ? 'Error' : 'appended');
    for (const [index, stream] of streams.entries()) expect(await store.readStream(stream)).toHaveLength(poisoned.has(index) ? 0 : 1);
  });

  test.each([
    ['a stream with a quote', { ...append('a"b', 'no_stream', anEvent()) }],
    ['a stream without a name', { ...append('', 'no_stream', anEvent()) }],
    ['an id in capitals', append(aStream(), 'no_stream', { ...anEvent(), id: '5C12D895-7301-4D73-875E-B802383FE563' })],
    ['a type with a brace', append(aStream(), 'no_stream', { ...anEvent(), type: 'Happened}' })],
    ['a negative revision', append(aStream(), -1, anEvent())],
    ['half a revision', append(aStream(), 0.5, anEvent())],
  ])('is not even sent when it is not what the port asks for: %s', async (_, malformed) => {
    await expect(store.append(malformed)).rejects.toThrow(TypeError);
  });
});

describe('a queue that does not move', () => {
  /** Holds the lock that every append takes. */
  async function holdUp(): Promise<() => Promise<unknown>> {
    await sql.query("select pg_advisory_lock(hashtextextended('event_log.append_batch', 0))");
    return () => sql.query("select pg_advisory_unlock(hashtextextended('event_log.append_batch', 0))");
  }

  test('refuses what comes when it is full, and writes the rest when it moves again', async () => {
    const small = await database.open({ queue: { length: 5 } });
    await small.append(append(aStream(), 'no_stream', anEvent()));
    const letGo = await holdUp();
    const underWay = small.append(append(aStream(), 'no_stream', anEvent()));
    await sleep(50);
    const outcomes = Array.from({ length: 8 }, () => outcomeOf(small.append(append(aStream('full'), 'no_stream', anEvent()))));
    expect(await Promise.all(outcomes.slice(5))).toEqual(['StoreOverloaded', 'StoreOverloaded', 'StoreOverloaded']);
    await letGo();
    await underWay;
    expect(await Promise.all(outcomes.slice(0, 5))).toEqual(Array.from({ length: 5 }, () => 'appended'));
  });

  test('refuses what comes when its head has waited too long', async () => {
    const impatient = await database.open({ queue: { age: 200 } });
    await impatient.append(append(aStream(), 'no_stream', anEvent()));
    const letGo = await holdUp();
    const waiting = [impatient.append(append(aStream(), 'no_stream', anEvent()))];
    await sleep(50);
    waiting.push(impatient.append(append(aStream(), 'no_stream', anEvent())));
    await sleep(100);
    waiting.push(impatient.append(append(aStream(), 'no_stream', anEvent())));
    await sleep(150);
    expect(await outcomeOf(impatient.append(append(aStream(), 'no_stream', anEvent())))).toBe('StoreOverloaded');
    await letGo();
    expect(await Promise.all(waiting)).toHaveLength(3);
    expect(await outcomeOf(impatient.append(append(aStream(), 'no_stream', anEvent())))).toBe('appended');
  });

  test('fails as not written once patience ends, those who only waited included, when the server gives the statement up', async () => {
    const impatient = await database.open({ answerWithin: 500, patience: 300 });
    const letGo = await holdUp();
    const first = impatient.append(append(aStream('given-up'), 'no_stream', anEvent())).catch((error) => error);
    await sleep(50);
    const second = impatient.append(append(aStream('given-up'), 'no_stream', anEvent())).catch((error) => error);
    expect(await first).toMatchObject({ name: 'StoreUnavailable', outcome: 'not_written' });
    expect(await second).toMatchObject({ name: 'StoreUnavailable', outcome: 'not_written' });
    await letGo();
    expect(await outcomeOf(impatient.append(append(aStream(), 'no_stream', anEvent())))).toBe('appended');
    expect((await sql.query("select from event_log.events where stream like 'given-up%'")).rowCount).toBe(0);
  });
});
