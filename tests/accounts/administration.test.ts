import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Accounts } from '../../src/accounts/accounts.ts';
import type { SessionCaller } from '../../src/accounts/caller.ts';
import { bearer, call, password, refusal, somebody, startWorld, type World } from './support.ts';

let world: World;
let accounts: Accounts;
let admin: SessionCaller;

beforeAll(async () => {
  world = await startWorld();
  accounts = await world.instance();
  admin = await signIn('admin', 'Only for tests 1');
}, 60_000);
afterAll(() => world.close());

const signIn = async (username: string, secret = password) =>
  (await accounts.authenticate(bearer(await accounts.login({ username, password: secret }, call())))) as SessionCaller;
const make = (role: 'user' | 'admin' = 'user') => accounts.administration.makeAccount({ ...somebody(), role }, admin, call());
const recorded = async (userId: string) =>
  (await world.store.readStream(`user-${userId}`)).map(({ type, data, metadata }) => ({
    type,
    data: JSON.parse(data.toString()),
    ...JSON.parse(metadata.toString()),
  }));

describe('what an admin does to an account', () => {
  test('is in the log of events, with who did it, in one operation', async () => {
    const { id } = await make();
    const made = call();
    await accounts.administration.change(id, { role: 'admin', isActive: false }, admin, made);
    await accounts.administration.change(id, { isActive: true }, admin, call());
    const [registered, role, off, on, ...others] = await recorded(id);
    expect(others).toEqual([]);
    expect([registered, role, off, on].map(({ type, data }) => [type, data])).toEqual([
      ['UserRegistered', { role: 'user', via: 'admin' }],
      ['UserRoleChanged', { role: { from: 'user', to: 'admin' } }],
      ['UserDeactivated', {}],
      ['UserReactivated', {}],
    ]);
    for (const event of [role, off]) {
      expect(event).toMatchObject({ operation_id: made.operationId, actor: { id: admin.id, kind: 'user' }, session_id: admin.sessionId });
    }
  });

  test('is taken back as a whole when it cannot be recorded', async () => {
    const { id } = await make();
    await world.database.rows('alter table accounts.outbox add constraint full_disk check (false) not valid');
    const attempt = accounts.administration.change(id, { role: 'admin' }, admin, call());
    await expect(attempt).rejects.toThrow('full_disk');
    await world.database.rows('alter table accounts.outbox drop constraint full_disk');
    expect((await accounts.administration.read(id)).role).toBe('user');
    expect(await recorded(id)).toHaveLength(1);
  });

  test('is refused to whom another admin has just made none', async () => {
    const other = await make('admin');
    const caller = await signIn(other.username);
    const { id } = await make();
    await accounts.administration.change(other.id, { role: 'user' }, admin, call());
    expect(await refusal(accounts.administration.change(id, { role: 'admin' }, caller, call()))).toBe('ADMIN_ONLY');
    expect((await accounts.administration.read(id)).role).toBe('user');
  });

  test('is nothing for an erased account', async () => {
    const { id } = await make();
    await world.database.rows(
      `update accounts.users set email = null, username = null, full_name = null, password_hash = null, is_active = false,
              erased_at = now() where id = $1`,
      [id],
    );
    expect(await refusal(accounts.administration.read(id))).toBe('USER_NOT_FOUND');
    expect(await refusal(accounts.administration.change(id, { isActive: true }, admin, call()))).toBe('USER_NOT_FOUND');
  });
});
