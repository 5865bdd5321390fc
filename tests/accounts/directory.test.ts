import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
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

const join = async (username: string, fullName: string) => {
  const signedIn = await here.register({ email: `${username}@example.com`, username, password, fullName }, call());
  return { ...signedIn.user, caller: await callerOf(here, signedIn) };
};
const erase = (id: string) =>
  world.database.transaction(async (sql) => {
    await sql.rows(
      `update accounts.users set email = null, username = null, full_name = null, password_hash = null, is_active = false,
              erased_at = now() where id = $1`,
      [id],
    );
    await sql.rows('select accounts.announce_change($1)', [id]);
  });

describe('the directory', () => {
  test('gives names for ids, whoever they belong to', async () => {
    const ann = await join('ann-names', 'Ann Lee');
    const unknown = randomUUID();
    expect([...(await here.directory.people([ann.id, unknown])).values()]).toEqual([
      { id: ann.id, username: 'ann-names', full_name: 'Ann Lee' },
      { id: unknown, username: null, full_name: 'Deleted user' },
    ]);
    expect(await here.directory.people([])).toEqual(new Map());
  });

  test('asks the database once for names it has just read', async () => {
    const ann = await join('ann-cached', 'Ann Lee');
    await here.directory.people([ann.id]);
    await world.database.rows(`update accounts.users set full_name = 'Not announced' where id = $1`, [ann.id]);
    expect((await here.directory.people([ann.id])).get(ann.id)?.full_name).toBe('Ann Lee');
  });

  test('shows a new name here at once, and elsewhere within a second', async () => {
    const ann = await join('ann-changes', 'Ann Lee');
    const nameIn = async ({ directory }: Accounts) => (await directory.people([ann.id])).get(ann.id)?.full_name;
    expect([await nameIn(here), await nameIn(there)]).toEqual(['Ann Lee', 'Ann Lee']);
    await here.changeProfile(ann.caller, { fullName: 'Ann Woods' }, call());
    expect(await nameIn(here)).toBe('Ann Woods');
    await eventually(
      () => nameIn(there),
      (name) => name === 'Ann Woods',
      1_000,
    );
  });

  test('knows an erased person no more', async () => {
    const ann = await join('ann-erased', 'Ann Lee');
    await here.directory.people([ann.id]);
    await erase(ann.id);
    await eventually(
      async () => (await here.directory.people([ann.id])).get(ann.id),
      (person) => person?.full_name === 'Deleted user' && person.username === null,
      1_000,
    );
    for (const wanted of [ann.id, 'ann-erased']) expect(await here.directory.find(wanted)).toBeNull();
  });

  test('finds an active account by id, username or verified e-mail address', async () => {
    const ann = await join('ann-found', 'Ann Lee');
    const person = { id: ann.id, username: 'ann-found', full_name: 'Ann Lee' };
    for (const wanted of [ann.id, 'ann-found', 'ANN-Found']) expect(await here.directory.findActive(wanted)).toEqual(person);
    expect(await here.directory.findActiveByEmail('ann-found@example.com')).toBeNull();
    await world.database.rows('update accounts.users set email_verified = true where id = $1', [ann.id]);
    expect(await here.directory.findActiveByEmail('ANN-found@EXAMPLE.com')).toEqual(person);
    for (const wanted of [randomUUID(), 'ann-found@example.com', 'nobody', 'me', '', '\0', "' or true"]) {
      expect(await here.directory.findActive(wanted)).toBeNull();
    }
    await world.database.rows('update accounts.users set is_active = false where id = $1', [ann.id]);
    expect(await here.directory.findActive(ann.id)).toBeNull();
    expect(await here.directory.findActiveByEmail('ann-found@example.com')).toBeNull();
    expect(await here.directory.find(ann.id)).toEqual({ ...person, isActive: false });
  });
});

describe('a profile', () => {
  test('changes in what is asked, with an event that names the fields', async () => {
    const signedIn = await here.register(somebody(), call());
    const caller = await callerOf(here, signedIn);
    const username = `${signedIn.user.username}-x`;
    const user = await here.changeProfile(caller, { username, timezone: 'Europe/Vienna', fullName: undefined }, call());
    expect(user).toEqual({ ...signedIn.user, username, timezone: 'Europe/Vienna' });
    expect(await here.me(caller)).toEqual(user);
    expect(await here.authenticate(bearer(signedIn))).toMatchObject({ username, timezone: 'Europe/Vienna' });
    const [, changed, ...others] = await world.store.readStream(`user-${caller.id}`);
    expect(others).toEqual([]);
    expect([changed!.type, JSON.parse(changed!.data.toString())]).toEqual(['UserProfileChanged', { fields: ['username', 'timezone'] }]);
    expect(JSON.parse(changed!.metadata.toString())).toMatchObject({
      actor: { id: caller.id, kind: 'user' },
      session_id: caller.sessionId,
    });
  });

  test('does not change to what it is already', async () => {
    const signedIn = await here.register(somebody(), call());
    const caller = await callerOf(here, signedIn);
    expect(await here.changeProfile(caller, { username: caller.username, fullName: caller.fullName }, call())).toEqual(signedIn.user);
    expect(await here.changeProfile(caller, {}, call())).toEqual(signedIn.user);
    expect(await world.store.readStream(`user-${caller.id}`)).toHaveLength(1);
  });

  test('does not take a username that is taken', async () => {
    const [one, two] = [await here.register(somebody(), call()), await here.register(somebody(), call())];
    const caller = await callerOf(here, one);
    expect(await refusal(here.changeProfile(caller, { username: two.user.username, fullName: 'New' }, call()))).toBe('USERNAME_TAKEN');
    expect(await here.me(caller)).toEqual(one.user);
  });
});
