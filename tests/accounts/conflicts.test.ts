import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { recordErased } from '../../src/accounts/erasure.ts';
import { DatabaseUnavailable } from '../../src/platform/postgres/connection-failure.ts';
import { deadlocks, whileHeld } from '../support/while-held.ts';
import { call, callerOf, startWorld, type World } from './support.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.pool.query(
    'create table counters (id integer primary key, count integer not null); insert into counters values (1, 0), (2, 0)',
  );
});
afterAll(async () => {
  await world?.close();
});

test('two transactions that wait for each other both succeed, for the one that was ended is tried again', async () => {
  let arrived = 0;
  let bothArrived = () => {};
  const both = new Promise<void>((resolve) => {
    bothArrived = resolve;
  });
  const count = (first: number, second: number) =>
    world.database.transaction(async (sql) => {
      await sql.rows('update counters set count = count + 1 where id = $1', [first]);
      if (++arrived === 2) bothArrived();
      await both;
      await sql.rows('update counters set count = count + 1 where id = $1', [second]);
    });
  const before = await deadlocks(world.pool);
  await Promise.all([count(1, 2), count(2, 1)]);
  expect((await world.pool.query('select count from counters order by id')).rows).toEqual([{ count: 2 }, { count: 2 }]);
  expect(await deadlocks(world.pool)).toBeGreaterThan(before);
});

test.each(['40P01', '40001'])(
  'what is ended by %s a third time is the unavailability of the database, and what is refused is not tried again',
  async (state) => {
    let tries = 0;
    const refusing = (code: string) =>
      world.database.transaction(async (sql) => {
        tries++;
        await sql.rows(`do $$ begin raise exception 'ended' using errcode = '${code}'; end $$`);
      });
    await expect(refusing(state)).rejects.toThrow(DatabaseUnavailable);
    expect(tries).toBe(3);
    await expect(refusing('22000')).rejects.toMatchObject({ code: '22000' });
    expect(tries).toBe(4);
  },
);

test('a token is revoked while the account is written, without a deadlock', async () => {
  const here = await world.instance();
  const signedIn = await here.register({ email: 'ann@tasks.test', password: 'Passw0rd-of-mine', fullName: '' }, call());
  const caller = await callerOf(here, signedIn);
  const token = await here.personalTokens.create(caller, { name: 'one', scopes: ['tasks:read'], expiresAt: null }, call());
  const before = await deadlocks(world.pool);
  const ends = await whileHeld(world.pool, 'select from accounts.users where id = $1 for update', [caller.id], [
    () => here.personalTokens.revoke(caller, token.id, call()),
    () => here.logout(caller, 'everything', call()),
  ]); // biome-ignore format: as a list
  // Whichever comes second finds the token ended.
  expect(ends[1]!.status).toBe('fulfilled');
  expect(await deadlocks(world.pool)).toBe(before);
});

test('an erasure is recorded while it is asked for again, without a deadlock', async () => {
  const here = await world.instance();
  const { user } = await here.register({ email: 'bob@tasks.test', password: 'Passw0rd-of-mine', fullName: '' }, call());
  const wish = `
    insert into accounts.erasures (user_id, requested_by, operation_id, request_id, requested_at) values ($1, $1, gen_random_uuid(), 'r', now())
    on conflict (user_id) do update set requested_at = now()`;
  await world.pool.query(wish, [user.id]);
  const before = await deadlocks(world.pool);
  const erasure = {
    userId: user.id,
    transferTo: null,
    requestedBy: { id: user.id, kind: 'user' as const },
    requestId: 'r',
    operationId: user.id,
  };
  const ends = await whileHeld(world.pool, 'select from accounts.users where id = $1 for update', [user.id], [
    () => recordErased(world.database, erasure as never, new Date()),
    () =>
      world.database.transaction(async (sql) => {
        await sql.rows('select from accounts.users where id = $1 for update', [user.id]);
        await sql.rows(wish, [user.id]);
      }),
  ]); // biome-ignore format: as a list
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect(await deadlocks(world.pool)).toBe(before);
});
