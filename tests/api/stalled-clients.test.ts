import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { bob } from '../queries/given-tasks.ts';
import { startTestService } from '../support/service.ts';
import { startWeakened } from '../support/weakened.ts';
import { type ReadServer, startReadServer } from './read-server.ts';

jest.setTimeout(60_000);

/** Milliseconds in the place of the 30 seconds of the service. */
const STALL_MS = 400;
let server: ReadServer;

beforeAll(async () => {
  server = await startReadServer({ poolMax: 8, stallTimeoutMs: STALL_MS });
  await insertManyTasks(server.pool, 'listing_v1', bob);
});
afterAll(() => server?.close());

async function insertManyTasks(pool: pg.Pool, schema: string, ownerId: string): Promise<void> {
  await pool.query(`insert into ${schema}.tasks
      select gen_random_uuid(), 'Task ' || n, repeat('x', 1500), 'low', 'todo', null, null, '{}', '${ownerId}', null, true, '{}', 0, '{}', 0, now(), now(), null, 0, n
      from generate_series(1, 20000) n;
    insert into ${schema}.access select owner_id, id, 1, 'owner', created_at from ${schema}.tasks where owner_id = '${ownerId}'`);
}

/** A client that reads only when it is asked to. */
class SlowClient {
  readonly #socket: Socket;
  text = '';
  isClosed = false;

  constructor(target: string, url = server.url, token = 'bob') {
    this.#socket = connect(Number(new URL(url).port), '127.0.0.1');
    this.#socket.pause();
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.isClosed = true;
    });
    this.#socket.write(`GET /api/v1${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  }

  /** Reads until so many bytes more have come, or the connection has ended. */
  async read(bytes: number): Promise<void> {
    const before = this.text.length;
    const take = (piece: Buffer) => {
      this.text += piece.toString('latin1');
    };
    this.#socket.on('data', take).resume();
    for (const end = Date.now() + 10_000; this.text.length - before < bytes && !this.isClosed && Date.now() < end; ) await pause(5);
    this.#socket.off('data', take).pause();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

async function openCursors(pool = server.pool): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null and query like 'fetch %'`,
  );
  return rows[0]!.n;
}

async function until(isSo: () => Promise<boolean>, withinMs = 10_000): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await pause(20)) if (await isSo()) return true;
  return false;
}

describe('an export whose client stops reading', () => {
  test.each(['/tasks?format=ndjson', '/tasks?format=csv'])(
    'is aborted, gives its connection back, and has no proper end: %s',
    async (target) => {
      const clients = [new SlowClient(target), new SlowClient(target)];
      await clients[0]!.read(1_024);
      expect(await until(async () => (await openCursors()) === 2)).toBe(true);
      expect(await until(async () => (await openCursors()) === 0)).toBe(true);
      for (const client of clients) {
        await client.read(Number.POSITIVE_INFINITY);
        expect(client.isClosed).toBe(true);
        expect(client.text).toContain('Transfer-Encoding: chunked');
        expect(client.text).not.toMatch(/\r\n0\r\n\r\n$/);
      }
      expect((await server.as('bob').get('/tasks')).status).toBe(200);
    },
  );

  test('goes on while its client reads a little now and then', async () => {
    const client = new SlowClient('/tasks?format=ndjson');
    expect(await until(async () => (await openCursors()) === 1)).toBe(true);
    // The kernels on both sides hold some megabytes: less than that is no sign of life.
    for (let times = 0; times < 6; times++) {
      await client.read(4_000_000);
      await pause(STALL_MS / 2);
    }
    expect(client.isClosed).toBe(false);
    expect(await openCursors()).toBe(1);
    client.destroy();
    expect(await until(async () => (await openCursors()) === 0)).toBe(true);
  });
});

test('a client that waits for its answer is left alone, however long that takes', async () => {
  const blocker = await server.pool.connect();
  await blocker.query('begin; lock table listing_v1.tasks in access exclusive mode');
  const asked = server.as('bob').get('/tasks');
  await pause(2.5 * STALL_MS);
  await blocker.query('rollback');
  blocker.release();
  expect((await asked).status).toBe(200);
});

test('without the timer a client that reads nothing holds its connection', async () => {
  const service = await startTestService();
  const ann = await service.someone('ann');
  const pool = new pg.Pool({ connectionString: service.connectionString, max: 1 });
  const { rows } = await pool.query(
    `select format('%s_v%s_g%s', name, version, generation) as schema from projections.generations where name = 'listing'`,
  );
  await insertManyTasks(pool, rows[0].schema, ann.id);
  const weakened = await startWeakened(service, ['clients have half a minute to read']);
  const isLetGo = async () => {
    const client = new SlowClient('/tasks?format=ndjson', weakened.url, ann.token);
    await until(async () => (await openCursors(pool)) === 1);
    const isOver = await until(async () => (await openCursors(pool)) === 0, 4_000);
    client.destroy();
    await until(async () => (await openCursors(pool)) === 0);
    return isOver;
  };
  expect(await isLetGo()).toBe(true);
  await weakened.without('clients have half a minute to read', 'a client that reads nothing is disconnected');
  expect(await isLetGo()).toBe(false);
  await weakened.stop();
  await pool.end();
  await service.stop();
});
