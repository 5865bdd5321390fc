import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startHousekeeping } from '../../src/accounts/housekeeping.ts';
import { bearer, call, eventually, keptLog, somebody, startWorld, type World } from './support.ts';

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
  const log = keptLog();
  const housekeeping = startHousekeeping(world.database, log, 10);
  await eventually(
    () => world.database.rows('select from accounts.refresh_tokens'),
    (tokens) => tokens.length === 1,
  );
  await housekeeping.close();
  expect(log.lines).toEqual([]);
  expect(await world.database.rows('select user_id from accounts.sessions')).toEqual([{ user_id: current.user.id }]);
  expect(await world.database.rows('select number from accounts.changes')).toEqual([{ number: '2' }]);
  expect((await accounts.authenticate(bearer(await accounts.refresh(current.refreshToken, call())))).id).toBe(current.user.id);
});
