import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { BEGINNING, type EventStore, type Position } from '../../../../src/events/store/event-store.ts';
import { append, events } from '../../../contract/events.ts';
import { aForeignApplication, type ForeignApplication } from '../../../support/foreign-application.ts';
import { withEventStoreDb } from '../../../support/with-eventstoredb.ts';
import { type AnEventStoreDb, anEventStoreDb } from './an-eventstoredb.ts';

jest.setTimeout(60_000);

const FOLLOWERS = 6;
const FOREIGN = 20_000;
const OWN = 100;

withEventStoreDb(() => {
  let db: AnEventStoreDb;
  let foreign: ForeignApplication;
  let writer: EventStore;
  let own = 0;
  const write = async (count: number) => {
    own += count;
    return writer.append(append(`task-${randomUUID()}`, 'no_stream', ...events(count)));
  };
  beforeAll(async () => {
    db = await anEventStoreDb();
    foreign = aForeignApplication(db.server.url());
    writer = await db.open();
    for (const stream of ['orders-before', 'orders-between', 'orders-behind']) {
      await foreign.flood(stream, FOREIGN);
      if (stream !== 'orders-behind') await write(OWN);
    }
  });
  afterAll(async () => {
    await foreign?.close();
    await db?.close();
  });

  /** Has so many followers catch up at once. @returns where they are then, what they were handed, and how many pages were read for it */
  async function catchUp(followers: number, after: Position) {
    let pages = 0;
    const store = await db.open({ onPage: () => pages++ });
    const catchUpOne = async () => {
      let count = 0;
      for await (const batch of store.subscribe({ after, signal: AbortSignal.timeout(30_000) })) {
        count += batch.events.length;
        if (batch.caughtUp) return { count, position: batch.position };
      }
      throw new Error('it did not catch up');
    };
    const reached = await Promise.all(Array.from({ length: followers }, catchUpOne));
    const read = pages;
    return { reached, read };
  }

  test('six followers read what one would: pages of their own events, however many of others stand before, between and behind', async () => {
    const one = await catchUp(1, BEGINNING);
    const six = await catchUp(FOLLOWERS, BEGINNING);
    expect(six.reached.map(({ count }) => count)).toEqual(Array(FOLLOWERS).fill(own));
    expect(one.read).toBeLessThanOrEqual(3);
    expect(six.read).toBeLessThanOrEqual(2 * one.read);
    // From where they are now, nothing of the others is left to search.
    for (const { position } of six.reached) expect(position).toBeGreaterThan(await writer.head());
    expect(await writer.readAll({ after: six.reached[0]!.position, limit: 10 })).toEqual([]);
  });

  test('the head is that of our own events, found from behind and kept up to date by looking at what is new', async () => {
    let pages = 0;
    const store = await db.open({ onPage: () => pages++ });
    expect(await store.head()).toBe(await writer.head());
    await foreign.flood('orders-behind', 1_000);
    expect(await store.head()).toBe(await writer.head());
    expect(pages).toBeLessThanOrEqual(2);
    const { position } = await write(1);
    await foreign.flood('orders-behind', 10);
    expect(await store.head()).toBe(position);
  });
});
