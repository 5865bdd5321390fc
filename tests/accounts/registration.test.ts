import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { makeAccount } from '../../src/accounts/new-account.ts';
import { Rejection } from '../../src/rejection.ts';
import { bearer, call, config, password, refusal, somebody, startWorld, type World } from './support.ts';

let world: World;
let accounts: Accounts;

beforeAll(async () => {
  world = await startWorld();
  accounts = await world.instance();
}, 60_000);
afterAll(() => world.close());

describe('registration', () => {
  test('makes an account that is signed in', async () => {
    const person = somebody();
    const signedIn = await accounts.register(person, call());
    expect(signedIn.user).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      email: person.email,
      username: person.username,
      fullName: 'Some Body',
      role: 'user',
      isActive: true,
      emailVerified: false,
      timezone: 'UTC',
      createdAt: expect.any(Date),
    });
    expect(signedIn.expiresIn).toBe(1800);
    const caller = await accounts.authenticate(bearer(signedIn));
    expect(caller).toEqual({
      id: signedIn.user.id,
      username: person.username,
      fullName: 'Some Body',
      isAdmin: false,
      timezone: 'UTC',
      sessionId: expect.any(String),
    });
    expect(await accounts.me(caller)).toEqual(signedIn.user);
  });

  test('keeps of password and tokens only digests', async () => {
    const { accessToken, refreshToken } = await accounts.register(somebody(), call());
    const tables = ['users', 'sessions', 'refresh_tokens', 'outbox', 'changes'];
    const texts = await Promise.all(tables.map((table) => world.database.rows(`select t::text from accounts.${table} as t`)));
    const kept = JSON.stringify(texts);
    expect(kept).toContain('$argon2id$v=19$m=19456,p=1,t=2$');
    for (const secret of [password, accessToken, refreshToken, Buffer.from(refreshToken).toString('hex')])
      expect(kept).not.toContain(secret);
  });

  test('takes the username from the e-mail address, with a number appended while it is taken', async () => {
    const names = [];
    for (const domain of ['a', 'b', 'c']) {
      const { user } = await accounts.register({ email: `Ann.Lee+x@${domain}.example.com`, password, fullName: '' }, call());
      names.push(user.username);
    }
    expect(names).toEqual(['ann.lee-x', 'ann.lee-x1', 'ann.lee-x2']);
  });

  test('gives thirty people who derive one username at once a name each', async () => {
    const people = Array.from({ length: 30 }, (_, n) => ({ email: `crowd@${n}.example.com`, password, fullName: '' }));
    const signedIn = await Promise.all(people.map((person) => accounts.register(person, call())));
    const names = new Set(signedIn.map(({ user }) => user.username));
    expect(names.size).toBe(30);
    expect([...names].every((name) => /^crowd\d*$/.test(name))).toBe(true);
  });

  test('lets one of a hundred at once have an e-mail address, however it is written', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        refusal(accounts.register({ ...somebody(), email: n % 2 ? 'One.Winner@example.com' : 'one.winner@EXAMPLE.com' }, call())),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.startsWith('not refused'))).toHaveLength(1);
    // On a machine that is busy with other things, some passwords are not even hashed in time.
    expect(outcomes.filter((outcome) => outcome === 'EMAIL_TAKEN' || outcome === 'OVERLOADED')).toHaveLength(99);
    expect(outcomes.filter((outcome) => outcome === 'EMAIL_TAKEN').length).toBeGreaterThan(10);
    const rows = await world.database.rows(`select from accounts.users where lower(email) = 'one.winner@example.com'`);
    expect(rows).toHaveLength(1);
  }, 60_000);

  test('lets one of a hundred at once have a username', async () => {
    const account = (n: number) => ({ email: `name-${n}@example.com`, username: 'one-name', fullName: '', passwordHash: '' });
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        refusal(world.database.transaction((sql) => makeAccount(sql, { ...account(n), role: 'user', via: 'self' }, call(), new Date()))),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'USERNAME_TAKEN')).toHaveLength(99);
    expect(outcomes.filter((outcome) => outcome.startsWith('not refused'))).toHaveLength(1);
  });

  test('refuses an e-mail address or username that is taken', async () => {
    const person = somebody();
    await accounts.register(person, call());
    expect(await refusal(accounts.register({ ...somebody(), email: person.email.toUpperCase() }, call()))).toBe('EMAIL_TAKEN');
    expect(await refusal(accounts.register({ ...somebody(), username: person.username }, call()))).toBe('USERNAME_TAKEN');
    expect(await refusal(accounts.register(person, call()))).toBe('EMAIL_TAKEN');
  });

  test('refuses a password that is the username made from the e-mail address', async () => {
    const attempt = accounts.register({ email: 'Password1@example.com', password: 'Password1', fullName: '' }, call());
    await expect(attempt).rejects.toEqual(
      new Rejection('VALIDATION_FAILED', 'The request is not valid', [
        { path: 'password', message: 'must not be the e-mail address or the username', code: 'format' },
      ]),
    );
  });

  test('never gives the username of an erased account again', async () => {
    const person = somebody();
    const { user } = await accounts.register(person, call());
    await world.database.rows(
      `update accounts.users set email = null, username = null, full_name = null, password_hash = null, is_active = false,
              erased_at = now() where id = $1`,
      [user.id],
    );
    expect(await refusal(accounts.register({ ...somebody(), username: person.username }, call()))).toBe('USERNAME_TAKEN');
    const derived = await accounts.register({ email: `${person.username}@elsewhere.example`, password, fullName: '' }, call());
    expect(derived.user.username).toBe(`${person.username}1`);
    const { user: again } = await accounts.register({ ...somebody(), email: person.email }, call());
    expect(again.email).toBe(person.email);
  });

  test('does not give the username of an account whose erasure is only just being committed', async () => {
    const person = somebody();
    const { user } = await accounts.register(person, call());
    const erasing = await world.pool.connect();
    await erasing.query('begin');
    await erasing.query(
      `update accounts.users set email = null, username = null, full_name = null, password_hash = null, is_active = false,
              erased_at = now() where id = $1`,
      [user.id],
    );
    // Made as the second statement of a registration, past every check made beforehand.
    const insert = world.database.rows(
      `insert into accounts.users (id, email, username, full_name, password_hash, role, created_at, log_revision)
       values (gen_random_uuid(), 'late@example.com', $1, '', '', 'user', now(), -1)`,
      [person.username],
    );
    const outcome = insert.then(
      () => 'inserted',
      (error) => error.constraint,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    await erasing.query('commit');
    erasing.release();
    expect(await outcome).toBe('users_username_key');
  });

  test('is refused when the operator closed it', async () => {
    const closed = await world.instance({ config: config({ registration: 'closed' }) });
    expect(await refusal(closed.register(somebody(), call()))).toBe('REGISTRATION_CLOSED');
  });
});
