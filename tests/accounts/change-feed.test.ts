import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChangeFeed, startChangeFeed } from '../../src/accounts/change-feed.ts';
import { eventually, keptLog, startWorld, type World } from './support.ts';

let world: World;
let feed: ChangeFeed;
let heard: (string | null)[];

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.close());
afterEach(() => feed.close());

const listen = async () => {
  heard = [];
  const log = keptLog();
  feed = await startChangeFeed(world.connectionString, log);
  feed.onChange((userId) => heard.push(userId));
  return log;
};
const person = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const announce = (userId: string) => world.database.rows('select accounts.announce_change($1)', [userId]);
const heardSo = (people: (string | null)[]) =>
  eventually(
    () => heard,
    () => JSON.stringify(heard) === JSON.stringify(people),
  );

describe('the feed of account changes', () => {
  test('tells every change once, in order, from its start on', async () => {
    await announce(person(1));
    await listen();
    for (const n of [2, 3, 4]) await announce(person(n));
    await heardSo([person(2), person(3), person(4)]);
  });

  test('is woken by a notification before the next poll', async () => {
    await listen();
    const waits: number[] = [];
    for (let n = 0; n < 9; n++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const begun = performance.now();
      await announce(person(n));
      await eventually(
        () => heard.length,
        (count) => count === n + 1,
      );
      waits.push(performance.now() - begun);
    }
    expect(waits.sort((a, b) => a - b)[4]!).toBeLessThan(100);
  });

  test('never passes a change that is not committed yet, and is not held up by one that is taken back', async () => {
    await listen();
    const [slow, taken] = await Promise.all([world.pool.connect(), world.pool.connect()]);
    await slow.query('begin');
    await slow.query('select accounts.announce_change($1)', [person(1)]);
    const second = announce(person(2));
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(heard).toEqual([]);
    await slow.query('commit');
    await second;
    await taken.query('begin');
    await taken.query('select accounts.announce_change($1)', [person(3)]);
    const fourth = announce(person(4));
    await taken.query('rollback');
    await fourth;
    await heardSo([person(1), person(2), person(4)]);
    for (const client of [slow, taken]) client.release();
  });

  test('misses none of a thousand changes from eight connections', async () => {
    await listen();
    const announcing = Array.from({ length: 8 }, async (_, lane) => {
      for (let n = 0; n < 125; n++) await announce(person(lane * 125 + n));
    });
    await Promise.all(announcing);
    await eventually(
      () => heard.length,
      (count) => count >= 1000,
    );
    expect(new Set(heard).size).toBe(1000);
    expect(heard).toHaveLength(1000);
  });

  test('goes on by itself when its connection is cut', async () => {
    const log = await listen();
    for (let n = 1; n <= 3; n++) {
      await world.database.rows(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'tasktrail account changes' and datname = current_database()`,
      );
      await announce(person(n));
    }
    await heardSo([person(1), person(2), person(3)]);
    expect(log.lines.filter(({ level }) => level === 'error').length).toBeLessThanOrEqual(3);
  });

  test('says that anybody may have changed when what came next has been cleared away', async () => {
    await listen();
    // As when this instance was frozen for longer than changes are kept: nothing of it is ever seen.
    await world.database.transaction(async (sql) => {
      for (const n of [1, 2, 3]) await sql.rows('select accounts.announce_change($1)', [person(n)]);
      await sql.rows('delete from accounts.changes');
    });
    await heardSo([null]);
    await announce(person(4));
    await heardSo([null, person(4)]);
  });

  test('says so too when the database is an older one', async () => {
    await listen();
    await world.database.rows('update accounts.change_head set number = 1');
    await heardSo([null]);
    await world.database.rows('delete from accounts.changes where number > 1');
    await announce(person(5));
    await heardSo([null, person(5)]);
  });

  test('knows until when it has told everything', async () => {
    await listen();
    const moment = performance.now();
    await eventually(
      () => feed.toldUntil,
      (until) => until > moment,
      1_000,
    );
    expect(performance.now() - feed.toldUntil).toBeLessThan(1_000);
  });
});
