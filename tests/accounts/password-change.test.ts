import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { bearer, call, callerOf, eventually, password, refusal, somebody, startWorld, type World } from './support.ts';

let world: World;
let here: Accounts;
let there: Accounts;
beforeAll(async () => {
  world = await startWorld();
  [here, there] = await Promise.all([world.instance(), world.instance()]);
}, 60_000);
afterAll(() => world.close());

const next = 'Another horse 2';

test('a password is changed by whoever has it, and all other sessions end', async () => {
  const person = somebody();
  const mine = await here.register(person, call());
  const [elsewhere, caller] = [await there.login({ email: person.email, password }, call()), await callerOf(here, mine)];
  await Promise.all([here, there].map((accounts) => accounts.authenticate(bearer(elsewhere))));
  const { secret } = await here.personalTokens.create(caller, { name: 'stays', scopes: ['tasks:read'], expiresAt: null }, call());

  await here.changePassword(caller, { current: password, next }, call());
  expect(await refusal(here.authenticate(bearer(elsewhere)))).toBe('SESSION_ENDED');
  await eventually(
    () => refusal(there.authenticate(bearer(elsewhere))),
    (outcome) => outcome === 'SESSION_ENDED',
    1_000,
  );
  expect(await refusal(there.refresh(elsewhere.refreshToken, call()))).toBe('TOKEN_INVALID');
  expect((await here.authenticate(bearer(mine))).sessionId).toBe(caller.sessionId);
  expect((await here.authenticate(`Bearer ${secret}`)).id).toBe(caller.id);
  await here.refresh(mine.refreshToken, call());
  expect(await refusal(here.login({ email: person.email, password }, call()))).toBe('INVALID_CREDENTIALS');
  await here.login({ email: person.email, password: next }, call());
  const [changed] = await world.store.readStream(`user-${caller.id}`, { direction: 'backwards', limit: 1 });
  expect([changed!.type, JSON.parse(changed!.data.toString())]).toEqual(['UserPasswordChanged', { by: 'change' }]);
});

test('a password is not changed by whoever does not know it, nor to what anybody would guess', async () => {
  const person = somebody();
  const caller = await callerOf(here, await here.register({ ...person, email: `A1.${person.email}` }, call()));
  expect(await refusal(here.changePassword(caller, { current: 'Wrong horse 1', next }, call()))).toBe('PASSWORD_INCORRECT');
  expect(await refusal(here.changePassword(caller, { current: password, next: `A1.${person.email}` }, call()))).toBe('VALIDATION_FAILED');
  await here.login({ username: person.username, password }, call());
  expect(await world.store.readStream(`user-${caller.id}`, {})).toHaveLength(1);
});

test('of two changes at once, one is made with a password that is right', async () => {
  const person = somebody();
  const [first, second] = [await here.register(person, call()), await there.login({ email: person.email, password }, call())];
  const callers = [await callerOf(here, first), await callerOf(there, second)];
  const outcomes = await Promise.all([
    refusal(here.changePassword(callers[0]!, { current: password, next }, call())),
    refusal(there.changePassword(callers[1]!, { current: password, next: 'A third horse 3' }, call())),
  ]);
  expect(outcomes.filter((outcome) => outcome.startsWith('not refused'))).toHaveLength(1);
  expect(['PASSWORD_INCORRECT', 'SESSION_ENDED']).toContain(outcomes.find((outcome) => !outcome.startsWith('not refused')));
});
