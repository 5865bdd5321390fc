import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { AccountsConfig } from '../../src/accounts/accounts.ts';
import { userStream } from '../../src/events/user/user-events.ts';
import { call, config, keptLog, startWorld, type World } from './support.ts';

let world: World;
let log = keptLog();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tasktrail-admin-'));
  world = await startWorld();
}, 60_000);
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  log = keptLog();
  for (const table of ['first_start', 'outbox', 'users']) await world.database.rows(`delete from accounts.${table}`);
  await world.database.rows('delete from accounts.retired_usernames');
});

const start = (firstAdmin: AccountsConfig['firstAdmin']) => world.instance({ config: config({ firstAdmin }), log });
const admins = () =>
  world.database.rows<{ id: string; username: string; email: string }>(
    `select id, username, email from accounts.users where role = 'admin'`,
  );

describe('the first start', () => {
  test('makes the admin that the operator named', async () => {
    const accounts = await start({ email: 'Root@example.com', username: 'Root', password: 'Very secret 1' });
    const { user } = await accounts.login({ username: 'root', password: 'Very secret 1' }, call());
    expect(user).toMatchObject({ username: 'root', email: 'Root@example.com', role: 'admin', isActive: true });
    expect(JSON.stringify(log.lines)).not.toContain('Very secret 1');
  });

  test('makes one with a random password, told once', async () => {
    const accounts = await start({});
    const [line, ...others] = log.lines;
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      level: 'once',
      facts: { username: 'admin', email: 'admin@tasktrail.localhost', password: expect.any(String) },
    });
    const { user } = await accounts.login({ username: 'admin', password: String(line!.facts.password) }, call());
    expect(user.role).toBe('admin');
    await start({});
    expect(log.lines).toHaveLength(1);
    expect(await admins()).toHaveLength(1);
  });

  test('writes a random password to the file named for it, for its owner only, and keeps it out of the log', async () => {
    const passwordFile = join(folder, 'new', 'admin-password');
    const accounts = await start({ passwordFile });
    const password = (await readFile(passwordFile, 'utf8')).trim();
    expect((await stat(passwordFile)).mode & 0o777).toBe(0o600);
    const { user } = await accounts.login({ username: 'admin', password }, call());
    expect(user.role).toBe('admin');
    expect(log.lines).toEqual([expect.objectContaining({ level: 'warn', facts: expect.objectContaining({ file: passwordFile }) })]);
    expect(JSON.stringify(log.lines)).not.toContain(password);
  });

  test('writes no file when the operator gave the password', async () => {
    const passwordFile = join(folder, 'none');
    await start({ password: 'Very secret 1', passwordFile });
    await expect(stat(passwordFile)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is told in the log of events, as done by the service', async () => {
    await start({ password: 'Very secret 1' });
    const [admin] = await admins();
    const events = await world.store.readStream(userStream(admin!.id));
    expect(events.map(({ type, data }) => [type, JSON.parse(data.toString())])).toEqual([
      ['UserRegistered', { role: 'admin', via: 'first_start' }],
    ]);
    expect(JSON.parse(events[0]!.metadata.toString()).actor.kind).toBe('system');
  });

  test('makes one admin when five instances start at once', async () => {
    await Promise.all(Array.from({ length: 5 }, () => start({})));
    expect(await admins()).toHaveLength(1);
    expect(log.lines).toHaveLength(1);
  });

  test.each([
    [{ password: 'weak' }, ['ADMIN_PASSWORD']],
    [{ password: 'Password1', username: 'password1' }, ['ADMIN_PASSWORD']],
    [{ email: 'nowhere', username: 'no name', password: 'alllowercase' }, ['ADMIN_EMAIL', 'ADMIN_USERNAME', 'ADMIN_PASSWORD']],
  ])('is stopped by %j, naming every mistake', async (firstAdmin, variables) => {
    const error: Error = await start(firstAdmin).then(
      () => new Error('it started'),
      (error) => error,
    );
    for (const variable of variables) expect(error.message).toContain(`${variable} must`);
    expect(error.message).not.toContain(firstAdmin.password);
    expect(await admins()).toEqual([]);
  });

  test('is over once it was: what the variables say later has no effect', async () => {
    await start({ username: 'first', password: 'Very secret 1' });
    await start({ username: 'second', password: 'weak' });
    expect((await admins()).map(({ username }) => username)).toEqual(['first']);
  });
});
