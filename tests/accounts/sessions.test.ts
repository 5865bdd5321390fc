import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Accounts, createAccounts } from '../../src/accounts/accounts.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import {
  bearer,
  call,
  callerOf,
  config,
  eventually,
  keptLog,
  password,
  refusal,
  secretKey,
  somebody,
  startWorld,
  type World,
} from './support.ts';

let world: World;
let here: Accounts;
let there: Accounts;

beforeAll(async () => {
  world = await startWorld();
  [here, there] = await Promise.all([world.instance(), world.instance()]);
}, 60_000);
afterAll(() => world.close());

const signedInOnBoth = async () => {
  const signedIn = await here.register(somebody(), call());
  const caller = await callerOf(here, signedIn);
  expect(await there.authenticate(bearer(signedIn))).toEqual(caller);
  return { signedIn, caller };
};

/** Milliseconds until an instance refuses somebody whom it has been letting in all the time. */
const refusedAfter = async (accounts: Accounts, authorization: string) => {
  const begun = performance.now();
  await eventually(
    () => refusal(accounts.authenticate(authorization)),
    (outcome) => outcome === 'SESSION_ENDED',
  );
  return performance.now() - begun;
};

describe('a session', () => {
  test('that ends is refused here at once, and elsewhere within a second', async () => {
    const { signedIn, caller } = await signedInOnBoth();
    await here.logout(caller, 'this session', call());
    expect(await refusal(here.authenticate(bearer(signedIn)))).toBe('SESSION_ENDED');
    expect(await refusedAfter(there, bearer(signedIn))).toBeLessThan(1_000);
  });

  test('of another device goes on when one ends', async () => {
    const person = somebody();
    const first = await here.register(person, call());
    const second = await here.login({ email: person.email, password }, call());
    await here.logout(await callerOf(here, first), 'this session', call());
    expect(await refusal(here.authenticate(bearer(first)))).toBe('SESSION_ENDED');
    expect((await here.authenticate(bearer(second))).id).toBe(first.user.id);
  });

  test('ends with all the others', async () => {
    const person = somebody();
    const first = await here.register(person, call());
    const second = await there.login({ email: person.email, password }, call());
    await here.logout(await callerOf(here, first), 'all sessions', call());
    for (const signedIn of [first, second]) {
      expect(await refusal(here.authenticate(bearer(signedIn)))).toBe('SESSION_ENDED');
      expect(await refusal(here.refresh(signedIn.refreshToken, call()))).toBe('TOKEN_INVALID');
    }
  });

  test('ends by its refresh token, when it is the own one', async () => {
    const person = somebody();
    const first = await here.register(person, call());
    const second = await here.login({ email: person.email, password }, call());
    const stranger = await callerOf(here, await here.register(somebody(), call()));
    expect(await refusal(here.logout(stranger, { refreshToken: second.refreshToken }, call()))).toBe('TOKEN_INVALID');
    await here.logout(await callerOf(here, first), { refreshToken: second.refreshToken }, call());
    expect(await refusal(here.authenticate(bearer(second)))).toBe('SESSION_ENDED');
    expect((await here.authenticate(bearer(first))).id).toBe(first.user.id);
  });

  test('of a disabled account is refused within a second', async () => {
    const { signedIn } = await signedInOnBoth();
    await world.database.transaction(async (sql) => {
      await sql.rows('update accounts.users set is_active = false where id = $1', [signedIn.user.id]);
      await sql.rows('select accounts.announce_change($1)', [signedIn.user.id]);
    });
    expect(await refusedAfter(here, bearer(signedIn))).toBeLessThan(1_000);
    expect(await refusedAfter(there, bearer(signedIn))).toBeLessThan(1_000);
  });

  test('stays when the role of its owner changes, who then acts in the new one', async () => {
    const { signedIn } = await signedInOnBoth();
    await world.database.transaction(async (sql) => {
      await sql.rows(`update accounts.users set role = 'admin' where id = $1`, [signedIn.user.id]);
      await sql.rows('select accounts.announce_change($1)', [signedIn.user.id]);
    });
    await eventually(
      () => there.authenticate(bearer(signedIn)),
      ({ isAdmin }) => isAdmin,
      1_000,
    );
  });

  test.each(['frozen', 'cut'])('that ends is refused within a second although the connection for news is %s', async (how) => {
    const address = new URL(world.connectionString);
    const proxy = await startTcpProxy({ path: `${decodeURIComponent(address.hostname)}/.s.PGSQL.5432` });
    address.host = `${proxy.host}:${proxy.port}`;
    const deaf = await world.instance({ connectionString: address.href });
    try {
      const [signedIn, other] = await Promise.all([here.register(somebody(), call()), here.register(somebody(), call())]);
      await deaf.authenticate(bearer(signedIn));
      if (how === 'cut') {
        proxy.refuse();
        proxy.cut();
      } else proxy.freeze();
      await here.logout(await callerOf(here, signedIn), 'this session', call());
      expect(await refusedAfter(deaf, bearer(signedIn))).toBeLessThan(1_000);
      expect((await deaf.authenticate(bearer(other))).id).toBe(other.user.id);
    } finally {
      proxy.cut();
      await deaf.close();
      await proxy.close();
    }
  });
});

describe('a refresh token', () => {
  test('is exchanged for a new pair of the same session', async () => {
    const { signedIn, caller } = await signedInOnBoth();
    const next = await there.refresh(signedIn.refreshToken, call());
    expect(next.refreshToken).not.toBe(signedIn.refreshToken);
    expect(next.user).toEqual(signedIn.user);
    expect(await here.authenticate(bearer(next))).toEqual(caller);
    expect(await here.authenticate(bearer(signedIn))).toEqual(caller);
  });

  test('that is used again after its successor was ends its whole session, at once', async () => {
    const { signedIn } = await signedInOnBoth();
    const next = await here.refresh(signedIn.refreshToken, call());
    const last = await there.refresh(next.refreshToken, call());
    await here.authenticate(bearer(last));
    expect(await refusal(here.refresh(signedIn.refreshToken, call()))).toBe('TOKEN_REUSED');
    expect(await refusal(here.authenticate(bearer(last)))).toBe('SESSION_ENDED');
    expect(await refusal(here.refresh(last.refreshToken, call()))).toBe('TOKEN_INVALID');
    expect(await refusal(here.refresh(signedIn.refreshToken, call()))).toBe('TOKEN_REUSED');
    expect(await refusedAfter(there, bearer(last))).toBeLessThan(1_000);
  });

  test('that is used twenty times at once gets one successor, from any instance, and signs no user out', async () => {
    const { signedIn } = await signedInOnBoth();
    const pairs = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? here : there).refresh(signedIn.refreshToken, call())));
    expect(new Set(pairs.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    const next = await there.refresh(pairs[0]!.refreshToken, call());
    for (const pair of [...pairs, next]) expect((await here.authenticate(bearer(pair))).id).toBe(signedIn.user.id);
    const { rows } = await world.pool.query('select digest from accounts.refresh_tokens');
    expect(rows.filter(({ digest }) => digest.includes(next.refreshToken))).toEqual([]);
  });

  test('is not renewed beyond the longest time of a session, however often it is refreshed', async () => {
    let at = Date.now();
    const day = 86_400_000;
    const instance = await world.instance({ config: config({ refreshTokenDays: 7, sessionMaxDays: 10 }), clock: () => new Date(at) });
    let pair = await instance.register(somebody(), call());
    for (let days = 0; days < 9; days += 3) {
      at += 3 * day;
      pair = await instance.refresh(pair.refreshToken, call());
    }
    at += 2 * day;
    expect(await refusal(instance.refresh(pair.refreshToken, call()))).toBe('TOKEN_EXPIRED');
  });

  test('that nobody was given is refused', async () => {
    expect(await refusal(here.refresh(`ttr_${'A'.repeat(43)}`, call()))).toBe('TOKEN_INVALID');
  });

  test('of a disabled account is refused', async () => {
    const { signedIn } = await signedInOnBoth();
    await world.database.rows('update accounts.users set is_active = false where id = $1', [signedIn.user.id]);
    expect(await refusal(here.refresh(signedIn.refreshToken, call()))).toBe('TOKEN_INVALID');
  });

  test('expires after its days, each exchange beginning them anew', async () => {
    let at = Date.now();
    const day = 86_400_000;
    const accounts = await createAccounts({
      ...world,
      secretKey,
      config: config({ refreshTokenDays: 7 }),
      log: keptLog(),
      clock: () => new Date(at),
    });
    try {
      const first = await accounts.register(somebody(), call());
      at += 6 * day;
      const second = await accounts.refresh(first.refreshToken, call());
      at += 6 * day;
      const third = await accounts.refresh(second.refreshToken, call());
      at += 8 * day;
      expect(await refusal(accounts.refresh(third.refreshToken, call()))).toBe('TOKEN_EXPIRED');
    } finally {
      await accounts.close();
    }
  });
});
