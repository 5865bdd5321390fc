import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { startSessionUse } from '../../src/accounts/session-use.ts';
import { bearer, call, callerOf, eventually, keptLog, password, refusal, somebody, startWorld, type World } from './support.ts';

let world: World;
let now = Date.parse('2026-05-01T12:00:00.000Z');
const clock = () => new Date(now);
let accounts: Accounts;
beforeAll(async () => {
  world = await startWorld();
  accounts = await world.instance({ clock });
}, 60_000);
afterAll(() => world.close());

test('somebody sees where they are signed in, since when, and when that was last used', async () => {
  const person = somebody();
  const [first, stranger] = [await accounts.register(person, call()), await accounts.register(somebody(), call())];
  now += 1_000;
  const second = await accounts.login({ email: person.email, password }, { ...call(), ip: '198.51.100.7', userAgent: 'x'.repeat(600) });
  now += 60_000;
  const [caller, other] = [await callerOf(accounts, first), await callerOf(accounts, second)];
  const begun = now - 61_000;
  expect(await accounts.listSessions(caller)).toEqual([
    { id: other.sessionId, createdAt: new Date(begun + 1_000), lastUsedAt: new Date(now), userAgent: 'x'.repeat(500), ip: '198.51.100.7' },
    { id: caller.sessionId, createdAt: new Date(begun), lastUsedAt: new Date(now), userAgent: 'tests', ip: '192.0.2.1' },
  ]);
  now += 5_000;
  await accounts.authenticate(bearer(second));
  const used = await accounts.listSessions(caller);
  expect(used.map(({ lastUsedAt }) => now - lastUsedAt.getTime())).toEqual([0, 5_000]);

  const theirs = (await callerOf(accounts, stranger)).sessionId;
  expect(await refusal(accounts.endSession(caller, theirs))).toBe('SESSION_NOT_FOUND');
  await accounts.authenticate(bearer(stranger));
  await accounts.endSession(caller, other.sessionId);
  expect(await refusal(accounts.authenticate(bearer(second)))).toBe('SESSION_ENDED');
  expect(await refusal(accounts.refresh(second.refreshToken, call()))).toBe('TOKEN_INVALID');
  expect(await refusal(accounts.endSession(caller, other.sessionId))).toBe('SESSION_NOT_FOUND');
  expect((await accounts.listSessions(caller)).map(({ id }) => id)).toEqual([caller.sessionId]);
});

test('the use of sessions is written down from time to time, all of it at once, and never back', async () => {
  const signedIn = [await accounts.register(somebody(), call()), await accounts.register(somebody(), call())];
  const ids = await Promise.all(signedIn.map(async (one) => (await callerOf(accounts, one)).sessionId));
  const usedAt = async () => {
    const rows = await world.database.rows<{ id: string; at: Date }>(
      'select id, last_used_at as at from accounts.sessions where id = any($1)',
      [ids],
    );
    return ids.map((id) => rows.find((row) => row.id === id)!.at.getTime());
  };
  now += 100_000;
  const use = startSessionUse(world.database, clock, keptLog(), 20);
  for (let n = 0; n < 1_000; n++) for (const id of ids) use.note(id);
  await eventually(usedAt, (times) => times.every((time) => time === now));
  now -= 50_000;
  use.note(ids[0]!);
  await use.close();
  expect(await usedAt()).toEqual([now + 50_000, now + 50_000]);
});
