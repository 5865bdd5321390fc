import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type pg from 'pg';
import { BEGINNING, type EventStore } from '../../../../src/events/store/event-store.ts';
import { appendBatchText, encodeBatch } from '../../../../src/events/store/postgres/batch.ts';
import { anEvent, append, aStream, idsOf } from '../../../contract/events.ts';
import { follow } from '../../../contract/follow.ts';
import { faultsOf, race } from '../../../contract/race.ts';
import { aPostgresStore, type PostgresStore } from './a-postgres-store.ts';

jest.setTimeout(60_000);

describe('a writer that is slow to commit', () => {
  let database: PostgresStore;
  let store: EventStore;
  let slow: pg.Client;
  const ended = new AbortController();
  beforeAll(async () => {
    database = await aPostgresStore();
    store = await database.open();
    slow = await database.connect();
  });
  afterAll(async () => {
    ended.abort();
    await database.close();
  });

  test.each(['commit', 'rollback'])('lets no later event be seen before its own, and holds nobody up after its %s', async (end) => {
    const beginning = await store.head();
    const subscriber = follow(store, beginning, ended.signal);
    const [first, second] = [anEvent(), anEvent()];
    await slow.query('begin');
    await slow.query(appendBatchText, encodeBatch([append(aStream(), 'no_stream', first)]));
    let answered = false;
    const appending = store.append(append(aStream(), 'no_stream', second)).finally(() => {
      answered = true;
    });
    await sleep(300);
    expect(answered).toBe(false);
    expect(subscriber.events).toEqual([]);
    await slow.query(end);
    const { position } = await appending;
    await subscriber.reached(position);
    expect(idsOf(subscriber.events)).toEqual(end === 'commit' ? [first.id, second.id] : [second.id]);
  });
});

describe('the race of two writing processes, with commits delayed', () => {
  let database: PostgresStore;
  beforeEach(async () => {
    database = await aPostgresStore();
  });
  afterEach(() => database.close());

  /** Replaces the function in this database by one with other text. */
  async function changeAppendFunction(changes: [from: string, to: string][]): Promise<void> {
    const client = await database.connect();
    const { rows } = await client.query<{ text: string }>("select pg_get_functiondef('event_log.append_batch'::regproc) as text");
    let { text } = rows[0]!;
    for (const [from, to] of changes) {
      expect(text).toContain(from);
      text = text.replace(from, to);
    }
    await client.query('create sequence event_log.unsafe increment 1000');
    await client.query(text);
  }

  const delay: [string, string] = ['  end;\nend', '  end;\n  perform pg_sleep(random() * 0.02);\nend'];
  const noLock: [string, string] = ["perform pg_advisory_xact_lock(hashtextextended('event_log.append_batch', 0));", ''];
  const positionsFromASequence: [string, string] = [
    'select position into head from event_log.events order by position desc limit 1;',
    "head := nextval('event_log.unsafe');",
  ];

  async function faultsOfARace(): Promise<string[]> {
    const store = await database.open();
    const opener = { module: join(import.meta.dirname, '../../../contract/open-postgres.ts'), argument: database.connectionString };
    const result = await race(store, opener, { events: 600, streams: 60, shared: false });
    expect(result.acknowledged).toHaveLength(600);
    expect(await store.readAll({ after: BEGINNING, limit: 1_000 })).toHaveLength(600);
    return faultsOf(result);
  }

  test('shows a subscriber one order without a gap', async () => {
    await changeAppendFunction([delay]);
    expect(await faultsOfARace()).toEqual([]);
  });

  test('makes a subscriber miss events when the lock is taken out and positions are drawn from a sequence', async () => {
    await changeAppendFunction([delay, noLock, positionsFromASequence]);
    const faults = await faultsOfARace();
    expect(faults.filter((fault) => fault.includes('acknowledged and never delivered')).length).toBeGreaterThan(0);
  });
});
