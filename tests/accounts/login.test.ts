import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import argon2 from 'argon2';
import { createAccessTokens } from '../../src/accounts/access-token.ts';
import type { Accounts, SignedIn } from '../../src/accounts/accounts.ts';
import { bearer, call, callerOf, eventually, password, refusal, secretKey, somebody, startWorld, type World } from './support.ts';

let world: World;
let accounts: Accounts;
const person = somebody();
let registered: SignedIn;

beforeAll(async () => {
  world = await startWorld();
  accounts = await world.instance();
  registered = await accounts.register(person, call());
}, 60_000);
afterAll(() => world.close());

const setHash = (hash: string) =>
  world.database.rows('update accounts.users set password_hash = $2 where id = $1', [registered.user.id, hash]);

describe('login', () => {
  test.each([
    ['e-mail address', { email: person.email }],
    ['e-mail address in capitals', { email: person.email.toUpperCase() }],
    ['username', { username: person.username }],
    ['username in capitals', { username: person.username.toUpperCase() }],
  ])('opens a session by %s', async (_, who) => {
    const signedIn = await accounts.login({ ...who, password }, call());
    expect(signedIn.user).toEqual(registered.user);
    const caller = await accounts.authenticate(bearer(signedIn));
    expect(caller.id).toBe(registered.user.id);
    expect(caller.sessionId).not.toBe((await accounts.authenticate(bearer(registered))).sessionId);
  });

  test('answers the same to an unknown account and a wrong password', async () => {
    const wrong = accounts.login({ username: person.username, password: 'Wrong horse 1' }, call());
    const unknown = accounts.login({ username: 'nobody-at-all', password }, call());
    const [a, b] = await Promise.all([wrong, unknown].map((attempt) => attempt.catch((error) => error)));
    expect(a).toMatchObject({ code: 'INVALID_CREDENTIALS', details: [] });
    expect(b).toMatchObject({ code: 'INVALID_CREDENTIALS', details: [], message: a.message });
  });

  test('takes as long for an unknown account as for a wrong password', async () => {
    const timed = async (credentials: { username: string }) => {
      const begun = performance.now();
      await refusal(accounts.login({ ...credentials, password: 'Wrong horse 1' }, call()));
      return performance.now() - begun;
    };
    // What else the machine is at only ever adds: the least of some is what it takes.
    const [wrong, unknown]: number[][] = [[], []];
    for (let round = 0; round < 9; round++) {
      wrong!.push(await timed({ username: person.username }));
      unknown!.push(await timed({ username: 'nobody-at-all' }));
    }
    const ratio = Math.min(...unknown!) / Math.min(...wrong!);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });

  test('tells that an account is disabled only to whoever knows its password', async () => {
    const other = somebody();
    const { user } = await accounts.register(other, call());
    await world.database.rows('update accounts.users set is_active = false where id = $1', [user.id]);
    expect(await refusal(accounts.login({ username: other.username, password }, call()))).toBe('ACCOUNT_DISABLED');
    expect(await refusal(accounts.login({ username: other.username, password: 'Wrong horse 1' }, call()))).toBe('INVALID_CREDENTIALS');
  });

  test('hashes a password anew that was hashed with weaker parameters, once', async () => {
    await setHash(await argon2.hash(password, { type: argon2.argon2id, memoryCost: 4096, timeCost: 2, parallelism: 1 }));
    const hashNow = async () => {
      await accounts.login({ email: person.email, password }, call());
      const [row] = await world.database.rows<{ hash: string }>('select password_hash as hash from accounts.users where id = $1', [
        registered.user.id,
      ]);
      return row!.hash;
    };
    const renewed = await hashNow();
    expect(renewed).toContain('m=19456,p=1,t=2');
    expect(await hashNow()).toBe(renewed);
  });

  test('lets all in who log in at once while the password is hashed anew', async () => {
    await setHash(await argon2.hash(password, { type: argon2.argon2id, memoryCost: 4096, timeCost: 2, parallelism: 1 }));
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => refusal(accounts.login({ email: person.email, password }, call()))));
    expect(outcomes.filter((outcome) => !outcome.startsWith('not refused'))).toEqual([]);
  });

  test('opens no session when the password is changed while it is being checked', async () => {
    const checking = refusal(accounts.login({ email: person.email, password }, call()));
    const changing = await world.pool.connect();
    await changing.query('begin');
    await changing.query(`update accounts.users set password_hash = 'another' where id = $1`, [registered.user.id]);
    // Long enough for the check, whose session then waits for the row.
    await eventually(
      () =>
        world.database.rows<{ n: number }>(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`),
      (waiting) => waiting.length === 1,
    );
    await changing.query('commit');
    changing.release();
    expect(await checking).toBe('INVALID_CREDENTIALS');
    await setHash(await argon2.hash(password, { type: argon2.argon2id, memoryCost: 19456, timeCost: 2, parallelism: 1 }));
  });

  test('goes on when the process that hashes is killed in its midst', async () => {
    const logins = Array.from({ length: 8 }, () => accounts.login({ email: person.email, password }, call()));
    process.kill(accounts.hasherPid()!, 'SIGKILL');
    expect(await Promise.all(logins)).toHaveLength(8);
    expect((await accounts.login({ email: person.email, password }, call())).user.id).toBe(registered.user.id);
  });

  test('of 64 people at once leaves those who are signed in unharmed', async () => {
    const authorization = bearer(registered);
    await accounts.authenticate(authorization);
    const logins = Promise.all(Array.from({ length: 64 }, () => refusal(accounts.login({ email: person.email, password }, call()))));
    let pending = true;
    void logins.finally(() => {
      pending = false;
    });
    const times: number[] = [];
    while (pending) {
      const begun = performance.now();
      for (let n = 0; n < 20; n++) await accounts.authenticate(authorization);
      times.push((performance.now() - begun) / 20);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await logins;
    times.sort((a, b) => a - b);
    expect(times.length).toBeGreaterThan(50);
    expect(times[Math.floor(times.length * 0.9)]!).toBeLessThan(1);
  }, 60_000);

  test('of 64 people at once leaves tokens that were not seen before unharmed', async () => {
    const { id: userId, sessionId } = await callerOf(accounts, registered);
    const tokens = createAccessTokens(secretKey, 30, () => new Date());
    const unseen = await Promise.all(Array.from({ length: 40 }, () => tokens.issue({ userId, sessionId })));
    const logins = Promise.all(Array.from({ length: 64 }, () => refusal(accounts.login({ email: person.email, password }, call()))));
    const times: number[] = [];
    for (const accessToken of unseen) {
      const begun = performance.now();
      await accounts.authenticate(bearer({ accessToken }));
      times.push(performance.now() - begun);
    }
    await logins;
    // In one thread pool with argon2, one of them would wait for all the logins before it: a second or more.
    expect(Math.max(...times)).toBeLessThan(400);
  }, 60_000);
});
