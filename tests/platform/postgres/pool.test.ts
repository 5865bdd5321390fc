import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { DatabaseUnavailable, isConnectionFailure, translated } from '../../../src/platform/postgres/connection-failure.ts';
import { createPool, type PoolOptions } from '../../../src/platform/postgres/pool.ts';
import { becomesTrue } from '../../../src/platform/postgres/processes.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { query } from './servers.ts';

let database: TestDatabase;
const pools: pg.Pool[] = [];
const listeners: Server[] = [];
const errors: Error[] = [];

function poolOf(connectionString: string, options: Partial<PoolOptions> = {}): pg.Pool {
  const pool = createPool(connectionString, { max: 2, applicationName: 'pool test', onError: (error) => errors.push(error), ...options });
  pools.push(pool);
  return pool;
}

/** What a query on the pool fails with. */
async function failure(pool: pg.Pool, sql = 'select 1'): Promise<Error> {
  return pool.query(sql).then(
    () => Promise.reject(new Error('the query succeeded')),
    (error) => error,
  );
}

const terminate = (pid: number) => query(database.connectionString, `select pg_terminate_backend(${pid}, 5000)`);
const ownPid = async (client: pg.Pool | pg.PoolClient): Promise<number> =>
  (await client.query('select pg_backend_pid() as pid')).rows[0].pid;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);
afterEach(async () => {
  errors.length = 0;
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
  for (const listener of listeners.splice(0)) listener.close();
});
afterAll(() => database?.drop());

describe('a pool', () => {
  test('keeps numbers of 64 bits exact', async () => {
    const { rows } = await poolOf(database.connectionString).query(
      'select 9007199254740993::int8 as position, current_setting($1) as name',
      ['application_name'],
    );
    expect(rows).toEqual([{ position: '9007199254740993', name: 'pool test' }]);
  });

  test('cancels a statement that takes too long, which is no failure of the connection', async () => {
    const error = await failure(poolOf(database.connectionString, { statementTimeout: 50 }), 'select pg_sleep(10)');
    expect(error).toMatchObject({ code: '57014' });
    expect(isConnectionFailure(error)).toBe(false);
  });

  test('survives the end of an idle connection, tells of it, and takes another', async () => {
    const pool = poolOf(database.connectionString);
    const pid = await ownPid(pool);
    await terminate(pid);
    expect(await becomesTrue(async () => errors.length > 0, 2_000)).toBe(true);
    expect(errors.map(isConnectionFailure)).not.toContain(false);
    expect(await ownPid(pool)).not.toBe(pid);
  });

  test('survives the end of a connection that is checked out between two queries', async () => {
    const pool = poolOf(database.connectionString);
    const client = await pool.connect();
    await terminate(await ownPid(client));
    expect(await becomesTrue(async () => errors.length > 0, 2_000)).toBe(true);
    const error = await client.query('select 1').catch((error) => error);
    client.release(error);
    expect(isConnectionFailure(error)).toBe(true);
    expect(await ownPid(pool)).toBeGreaterThan(0);
  });
});

describe('a connection failure is', () => {
  test('a backend that is terminated in the midst of a query', async () => {
    const pool = poolOf(database.connectionString);
    const client = await pool.connect();
    const pid = await ownPid(client);
    const running = client.query('select pg_sleep(60)').catch((error) => error);
    await terminate(pid);
    const error = await running;
    client.release(error);
    expect(error).toMatchObject({ code: '57P01' });
    expect(isConnectionFailure(error)).toBe(true);
  });

  test('a database with no connection to spare', async () => {
    const crowded = await createTestDatabase();
    try {
      await query(database.connectionString, `alter database ${new URL(crowded.connectionString).pathname.slice(1)} connection limit 1`);
      await poolOf(crowded.connectionString).query('select 1');
      const error = await failure(poolOf(crowded.connectionString));
      expect(error).toMatchObject({ code: '53300' });
      expect(isConnectionFailure(error)).toBe(true);
    } finally {
      await crowded.drop();
    }
  });

  test('a port where nobody listens, a socket that is not there, a host that does not exist', async () => {
    const port = await portOf(createServer());
    listeners.pop()?.close();
    for (const address of [`127.0.0.1:${port}`, `localhost:${port}`, encodeURIComponent('/nowhere/at/all'), 'no-such-host.invalid']) {
      const error = await failure(poolOf(`postgres://someone:secret@${address}/any`));
      expect([address, isConnectionFailure(error)]).toEqual([address, true]);
      expect(new DatabaseUnavailable(error).message).toMatch(/^the database cannot be reached: .+/);
    }
  });

  test('a server that hangs up, and one that never says a word', async () => {
    const rude = await portOf(createServer((socket) => socket.once('data', () => socket.destroy())));
    const mute = await portOf(createServer((socket) => socket.once('error', () => {}).unref()));
    for (const port of [rude, mute]) {
      const error = await failure(poolOf(`postgres://someone:secret@127.0.0.1:${port}/any`, { connectTimeout: 200 }));
      expect(isConnectionFailure(error)).toBe(true);
    }
  });

  test('a pool whose connections are all taken for too long', async () => {
    const pool = poolOf(database.connectionString, { max: 1, connectTimeout: 1_000 });
    const client = await pool.connect();
    const error = await failure(pool);
    client.release();
    expect(isConnectionFailure(error)).toBe(true);
  });

  test('not: a refused statement, a wrong password, a missing database, an error of another kind', async () => {
    const at = (change: (url: URL) => void) => {
      const url = new URL(database.connectionString);
      change(url);
      return poolOf(url.href);
    };
    const refused = [
      await failure(poolOf(database.connectionString), 'select nonsense'),
      await failure(at((url) => Object.assign(url, { password: 'wrong' }))),
      await failure(at((url) => Object.assign(url, { pathname: '/missing' }))),
      Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' }),
      new Error('something else'),
      'a string',
      undefined,
    ];
    expect(refused.map(isConnectionFailure)).toEqual(refused.map(() => false));
    expect(refused.slice(0, 3)).toMatchObject([{ code: '42703' }, { code: '28P01' }, { code: '3D000' }]);
  });
});

test('a connection failure is translated, once, and nothing else is', () => {
  const lost = new Error('Connection terminated unexpectedly');
  const translation = translated(lost);
  expect(translation).toBeInstanceOf(DatabaseUnavailable);
  expect(translation).toMatchObject({ message: 'the database cannot be reached: Connection terminated unexpectedly', cause: lost });
  expect(translated(translation)).toBe(translation);
  expect(isConnectionFailure(translation)).toBe(true);
  const other = new Error('other');
  expect(translated(other)).toBe(other);
});

async function portOf(server: Server): Promise<number> {
  listeners.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
