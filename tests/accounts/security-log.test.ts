import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Database, databaseOn } from '../../src/accounts/database.ts';
import type { SecurityEvent } from '../../src/accounts/security-event.ts';
import { type SecurityLog, type SecurityLogOptions, startSecurityLog } from '../../src/accounts/security-log.ts';
import { DatabaseUnavailable } from '../../src/platform/postgres/connection-failure.ts';
import { keptLog, startWorld, type World } from './support.ts';

let world: World;
const open: SecurityLog[] = [];
const ann = '01900000-0000-7000-8000-0000000000aa';

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterEach(async () => {
  await Promise.all(open.splice(0).map((security) => security.close()));
  await world.database.rows('delete from accounts.security_events');
});
afterAll(() => world.close());

const start = (options: Partial<SecurityLogOptions> = {}) => {
  const security = startSecurityLog({
    database: world.database,
    log: keptLog(),
    clock: () => new Date('2026-03-01T12:00:30Z'),
    ...options,
  });
  open.push(security);
  return security;
};
const refused = (changes: Partial<SecurityEvent> = {}): SecurityEvent => ({
  kind: 'access_refused',
  userId: ann,
  ip: '192.0.2.1',
  requestId: 'r',
  code: 'ADMIN_ONLY',
  ...changes,
});
const rows = () =>
  world.database.rows<{ kind: string; user_id: string; ip: string; count: number; details: object; request_id: string }>(
    'select * from accounts.security_events order by occurred_at, kind, ip',
  );

describe('the log of security events', () => {
  test('counts the same thing within a minute as one, also across writes and instances', async () => {
    const [here, there] = [start(), start()];
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 10; n++) for (const security of [here, there]) security.record(refused({ requestId: `r${round}` }));
      await Promise.all([here.flush(), there.flush()]);
    }
    expect(await rows()).toEqual([expect.objectContaining({ user_id: ann, ip: '192.0.2.1', count: 60, request_id: 'r2' })]);
  });

  test('tells apart who, from where, why and when', async () => {
    let now = new Date('2026-03-01T12:00:59.999Z');
    const security = start({ clock: () => now });
    security.record(refused());
    for (const changes of [
      { userId: null },
      { ip: '192.0.2.2' },
      { code: 'SESSION_REQUIRED' as const },
      { kind: 'login_failed' as const },
    ]) {
      security.record(refused(changes));
    }
    now = new Date('2026-03-01T12:01:00.000Z');
    security.record(refused());
    await security.flush();
    expect(await rows()).toHaveLength(6);
  });

  test('has a budget of rows: a flood from ever new addresses is counted, and does not fill the disk', async () => {
    let minute = 0;
    const security = start({ budget: { burst: 10, perMinute: 2 }, clock: () => new Date(Date.UTC(2026, 2, 1, 12, minute)) });
    for (minute = 0; minute < 3; minute++) {
      for (let n = 0; n < 500; n++) security.record(refused({ ip: `2001:db8::${minute}:${n}`, userId: null }));
      await security.flush();
    }
    const all = await rows();
    expect(all.length).toBe(10 + 2 + 2 + 3);
    expect(all.reduce((sum, { count }) => sum + count, 0)).toBe(1500);
    expect(all.filter(({ ip }) => ip === null).map(({ count, details }) => [count, details])).toEqual(
      [490, 498, 498].map((count) => [count, { others: true }]),
    );
  });

  test('tells what admins do whatever the flood', async () => {
    const security = start({ budget: { burst: 0, perMinute: 0 } });
    const change = { ...refused({ kind: 'role_changed' as const, requestId: 'x' }), actorId: ann };
    for (let n = 0; n < 3; n++) security.record({ ...change, details: { role: { from: 'user', to: 'admin' } } });
    await security.flush();
    expect((await rows()).map(({ details }) => details)).toEqual(Array(3).fill({ role: { from: 'user', to: 'admin' } }));
  });

  test('loses and doubles nothing when the database is away for a while', async () => {
    let away = true;
    const real = databaseOn(world.pool);
    const database: Database = {
      ...real,
      rows: (text, values) => (away ? Promise.reject(new DatabaseUnavailable('away')) : real.rows(text, values)),
    };
    const log = keptLog();
    const security = start({ database, log });
    security.record(refused());
    await expect(security.flush()).rejects.toThrow(DatabaseUnavailable);
    security.record(refused());
    away = false;
    await security.close();
    expect((await rows()).map(({ count }) => count)).toEqual([2]);
  });

  test('is a log line each time, under a name of its own', () => {
    const names: string[] = [];
    const log = keptLog();
    const named = (name: string) => {
      names.push(name);
      return log;
    };
    const security = start({ log: { ...log, named } });
    security.record(refused({ kind: 'login_failed', code: 'INVALID_CREDENTIALS' }));
    security.record(refused());
    expect(names).toEqual(['security']);
    expect(log.lines.map(({ level, message, facts }) => [level, message, facts.kind, facts.user_id, facts.ip])).toEqual([
      ['warn', 'login failed', 'login_failed', ann, '192.0.2.1'],
      ['info', 'access refused', 'access_refused', ann, '192.0.2.1'],
    ]);
  });
});
