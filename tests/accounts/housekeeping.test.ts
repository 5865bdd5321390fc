import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startHousekeeping } from '../../src/accounts/housekeeping.ts';
import { bearer, call, callerOf, eventually, keptLog, somebody, startWorld, type World } from './support.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.close());

test('what nobody will ask for again is cleared away, and nothing else', async () => {
  const accounts = await world.instance();
  const [old, current] = [await accounts.register(somebody(), call()), await accounts.register(somebody(), call())];
  await world.database.rows('select accounts.announce_change($1), accounts.announce_change($1)', [current.user.id]);
  await world.database.rows(`update accounts.changes set at = now() - interval '61 minutes' where number = 1`);
  for (const table of ['sessions', 'refresh_tokens']) {
    await world.database.rows(
      `update accounts.${table} set expires_at = now() - interval '31 days'
        where ${table === 'sessions' ? 'id' : 'session_id'} in (select id from accounts.sessions where user_id = $1)`,
      [old.user.id],
    );
  }
  for (const days of [31, 29]) {
    const caller = await callerOf(accounts, current);
    const { id } = await accounts.personalTokens.create(caller, { name: `${days}`, scopes: ['tasks:read'], expiresAt: null }, call());
    await accounts.personalTokens.revoke(caller, id, call());
    await world.database.rows(`update accounts.access_tokens set ended_at = now() - $1 * interval '1 day' where id = $2`, [days, id]);
  }
  await world.database.rows(
    `insert into accounts.security_events (id, kind, details, request_id, count, occurred_at, last_occurred_at)
     select gen_random_uuid(), 'role_changed', '{}', days, 1, now() - days * interval '1 day', now() from unnest(array[89, 91]) as days`,
  );
  const log = keptLog();
  const housekeeping = startHousekeeping(world.database, log, 10);
  await eventually(
    () => world.database.rows('select from accounts.access_tokens'),
    (tokens) => tokens.length === 1,
  );
  await housekeeping.close();
  expect(log.lines).toEqual([]);
  expect(await world.database.rows('select name from accounts.access_tokens')).toEqual([{ name: '29' }]);
  expect(await world.database.rows('select user_id from accounts.sessions')).toEqual([{ user_id: current.user.id }]);
  expect(await world.database.rows('select request_id from accounts.security_events')).toEqual([{ request_id: '89' }]);
  expect(await world.database.rows('select number from accounts.changes order by 1')).toEqual(
    ['2', '3', '4'].map((number) => ({ number })),
  );
  expect((await accounts.authenticate(bearer(await accounts.refresh(current.refreshToken, call())))).id).toBe(current.user.id);
});
