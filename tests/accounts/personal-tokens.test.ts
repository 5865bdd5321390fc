import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { newPersonalToken } from '../../src/accounts/personal-token.ts';
import { MOST_TOKENS } from '../../src/accounts/personal-tokens.ts';
import type { Scope } from '../../src/accounts/scope.ts';
import { BEGINNING } from '../../src/events/store/event-store.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { call, callerOf, eventually, refusal, somebody, startWorld, type World } from './support.ts';

let world: World;
let here: Accounts;
let there: Accounts;
let now = Date.now();

beforeAll(async () => {
  world = await startWorld();
  const clock = () => new Date(now);
  [here, there] = await Promise.all([world.instance({ clock }), world.instance({ clock })]);
}, 60_000);
afterAll(() => world.close());

const someone = async () => {
  const signedIn = await here.register(somebody(), call());
  return callerOf(here, signedIn);
};
const give = async (
  scopes: readonly Scope[] = ['tasks:write'],
  expiresAt: Date | null = null,
  owner?: Awaited<ReturnType<typeof someone>>,
) => {
  const caller = owner ?? (await someone());
  const { secret, ...token } = await here.personalTokens.create(caller, { name: 'A program', scopes, expiresAt }, call());
  return { caller, token, authorization: `Bearer ${secret}`, secret };
};
const change = (userId: string, assignment: string) =>
  world.database.transaction(async (sql) => {
    await sql.rows(`update accounts.users set ${assignment} where id = $1`, [userId]);
    await sql.rows('select accounts.announce_change($1)', [userId]);
  });
const secondsUntil = async (outcome: string, accounts: Accounts, authorization: string) => {
  const begun = performance.now();
  await eventually(
    () => refusal(accounts.authenticate(authorization)),
    (found) => found === outcome,
  );
  return (performance.now() - begun) / 1000;
};

describe('a personal access token', () => {
  test('stands for its owner, as far as its scopes go', async () => {
    const { caller, token, authorization } = await give(['tasks:write', 'tasks:read']);
    const { sessionId: _, ...person } = caller;
    const expected = { ...person, token: { id: token.id, scopes: ['tasks:read', 'tasks:write'] } };
    expect(await here.authenticate(authorization)).toEqual(expected);
    expect(await there.authenticate(authorization)).toEqual(expected);
  });

  test('is kept as a digest, and told of in the events without its name', async () => {
    const { caller, token, secret } = await give(['events:read'], new Date(now + 60_000));
    const dump = JSON.stringify(await world.database.rows('select *, encode(digest, $1) from accounts.access_tokens', ['escape']));
    expect(dump).toContain(token.id);
    expect(dump).not.toContain(secret.slice(4));
    await here.personalTokens.revoke(caller, token.id, call());
    const events = await world.store.readStream(`user-${caller.id}`, { from: 1 });
    expect(events.map(({ type, data }) => [type, JSON.parse(data.toString())])).toEqual([
      ['AccessTokenCreated', { token_id: token.id, scopes: ['events:read'], expires_at: new Date(now + 60_000).toISOString() }],
      ['AccessTokenRevoked', { token_id: token.id }],
    ]);
    const log = (await world.store.readAll({ after: BEGINNING, limit: 1_000 })).map(({ data, metadata }) => `${data}${metadata}`).join('');
    expect(log).toContain(token.id);
    for (const canary of [secret, 'A program']) expect(log).not.toContain(canary);
  });

  test('is known again without asking the database', async () => {
    const { authorization } = await give();
    await here.authenticate(authorization);
    let asked = 0;
    const count = () => void asked++;
    world.pool.on('acquire', count);
    for (let n = 0; n < 2_000; n++) await here.authenticate(authorization);
    world.pool.off('acquire', count);
    // The relays of the outbox look once a second.
    expect(asked).toBeLessThan(5);
  });

  test('that is revoked is refused here at once, and elsewhere within a second', async () => {
    const { caller, token, authorization } = await give();
    await Promise.all([here.authenticate(authorization), there.authenticate(authorization)]);
    await here.personalTokens.revoke(caller, token.id, call());
    expect(await refusal(here.authenticate(authorization))).toBe('SESSION_ENDED');
    expect(await secondsUntil('SESSION_ENDED', there, authorization)).toBeLessThan(1);
    expect(await refusal(here.personalTokens.revoke(caller, token.id, call()))).toBe('ACCESS_TOKEN_NOT_FOUND');
    expect(await here.personalTokens.list(caller.id)).toEqual([]);
  });

  test('that is revoked is refused within a second although no news arrive', async () => {
    const address = new URL(world.connectionString);
    const proxy = await startTcpProxy({ path: `${decodeURIComponent(address.hostname)}/.s.PGSQL.5432` });
    address.host = `${proxy.host}:${proxy.port}`;
    const deaf = await world.instance({ connectionString: address.href });
    try {
      const { caller, token, authorization } = await give();
      await deaf.authenticate(authorization);
      proxy.freeze();
      await here.personalTokens.revoke(caller, token.id, call());
      expect(await secondsUntil('SESSION_ENDED', deaf, authorization)).toBeLessThan(1);
    } finally {
      proxy.cut();
      await deaf.close();
      await proxy.close();
    }
  });

  test('of somebody else cannot be revoked', async () => {
    const { token, authorization } = await give();
    expect(await refusal(here.personalTokens.revoke(await someone(), token.id, call()))).toBe('ACCESS_TOKEN_NOT_FOUND');
    await here.authenticate(authorization);
  });

  test('expires at its time, to the millisecond, also where it is well known', async () => {
    const { caller, token, authorization } = await give(['tasks:read'], new Date(now + 60_000));
    now += 59_999;
    await here.authenticate(authorization);
    now += 1;
    expect(await refusal(here.authenticate(authorization))).toBe('TOKEN_EXPIRED');
    expect(await refusal(there.authenticate(authorization))).toBe('TOKEN_EXPIRED');
    expect(await here.personalTokens.list(caller.id)).toEqual([token]);
  });

  test('of a disabled account is refused, and good again with the account', async () => {
    const { caller, authorization } = await give();
    await there.authenticate(authorization);
    await change(caller.id, 'is_active = false');
    expect(await secondsUntil('SESSION_ENDED', there, authorization)).toBeLessThan(1);
    await change(caller.id, 'is_active = true');
    await eventually(
      () => refusal(there.authenticate(authorization)),
      (outcome) => outcome.startsWith('not refused'),
    );
  });

  test('outlives the session that made it', async () => {
    const { caller, authorization } = await give();
    await here.logout(caller, 'all sessions', call());
    expect((await here.authenticate(authorization)).id).toBe(caller.id);
    expect(await refusal(give(['tasks:read'], null, caller))).toBe('SESSION_ENDED');
  });

  test('has an admin’s powers by its scope alone, and only while its owner is one', async () => {
    const owner = await someone();
    await change(owner.id, `role = 'admin'`);
    const [plain, powerful] = [await give(['tasks:write'], null, owner), await give(['tasks:write', 'admin'], null, owner)];
    await change(owner.id, `role = 'user'`);
    await eventually(
      () => here.authenticate(powerful.authorization),
      ({ isAdmin }) => !isAdmin,
      1_000,
    );
    const powers = async () => [(await here.authenticate(plain.authorization)).isAdmin, await here.authenticate(powerful.authorization)];
    expect(await powers()).toMatchObject([false, { isAdmin: false, token: { scopes: ['tasks:write'] } }]);
    await change(owner.id, `role = 'admin'`);
    await eventually(
      () => here.authenticate(powerful.authorization),
      ({ isAdmin }) => isAdmin,
      1_000,
    );
    expect(await powers()).toMatchObject([false, { isAdmin: true, token: { scopes: ['tasks:write', 'admin'] } }]);
    await change(owner.id, `role = 'user'`);
    await eventually(
      () => here.authenticate(powerful.authorization),
      ({ isAdmin }) => !isAdmin,
      1_000,
    );
  });

  test.each(['ttp_', 'ttp_x', newPersonalToken(), `${newPersonalToken()}x`, newPersonalToken().toUpperCase(), `ttr_${'A'.repeat(43)}`])(
    'is none: %s',
    async (token) => {
      expect(await refusal(here.authenticate(`Bearer ${token}`))).toBe('TOKEN_INVALID');
    },
  );
});

test('nobody has more than fifty tokens that are good, however many are asked for at once', async () => {
  const owner = await someone();
  const outcomes = await Promise.all(
    Array.from({ length: MOST_TOKENS + 5 }, () => refusal(give(['tasks:read'], new Date(now + 1_000), owner))),
  );
  expect(outcomes.filter((outcome) => outcome === 'LIMIT_REACHED')).toHaveLength(5);
  expect(await here.personalTokens.list(owner.id)).toHaveLength(MOST_TOKENS);
  now += 1_000;
  await give(['tasks:read'], null, owner);
});
