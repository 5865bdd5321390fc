import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { type Client, createClient, type Reply, startTestService, type TestService } from '../support/service.ts';
import { runningReads, slowDownSearches, slowWord } from '../support/slow-searches.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';

jest.setTimeout(60_000);

let service: TestService;
let pool: pg.Pool;
let ann: Client;
let bob: Client;
let cid: Client;

beforeAll(async () => {
  service = await startTestService();
  pool = new pg.Pool({ connectionString: service.connectionString, max: 2 });
  [ann, bob, cid] = [await service.someone('ann'), await service.someone('bob'), await service.someone('cid')];
  await slowDownSearches(pool);
});
afterAll(async () => {
  await pool?.end();
  await service?.stop();
});

async function until(isSo: () => Promise<boolean>, withinMs = 15_000): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await pause(25)) if (await isSo()) return true;
  return false;
}

interface SlowReads {
  /** Those that are answered, in the order of their answers. */
  answers: Reply[];
  /** The first of them. */
  firstAnswer: Promise<Reply>;
  all: Promise<unknown>;
  hangUp(): void;
}

/** So many searches that the database takes long for, all at once. */
function searchSlowly(url: string, { token }: Client, count: number): SlowReads {
  const leaving = new AbortController();
  const answers: Reply[] = [];
  const ask = async (): Promise<Reply> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/api/v1/tasks?search=${slowWord}`, { headers, signal: leaving.signal });
    const text = await response.text();
    const reply = { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
    answers.push(reply);
    return reply;
  };
  const asked = Array.from({ length: count }, ask);
  const firstAnswer = Promise.race(asked);
  firstAnswer.catch(() => {});
  return { answers, firstAnswer, all: Promise.allSettled(asked), hangUp: () => leaving.abort() };
}

const account = (client: Client) => ({ username: client.username, password: 'Passw0rd-of-mine' });

/** Whether of 21 reads of Ann's one is refused without waiting for any other. */
async function refusesOneTooMany(url: string): Promise<boolean> {
  const slow = searchSlowly(url, ann, 21);
  const { status, body } = await slow.firstAnswer;
  const isRefused = status === 503 && body.error.code === 'OVERLOADED' && body.error.message.includes('and waiting');
  slow.hangUp();
  await slow.all;
  await until(async () => (await runningReads(pool)) === 0);
  return isRefused;
}

/** Whether another user signs in, and writes, while all connections for reads are busy. */
async function letsOthersIn(url: string): Promise<boolean> {
  const slow = [searchSlowly(url, ann, 4), searchSlowly(url, cid, 4)];
  await until(async () => (await runningReads(pool)) >= 5);
  const others = createClient(url, bob.token);
  const served = Promise.all([others.post('/auth/login', account(bob)), others.post('/tasks', { title: 'Meanwhile' })]);
  const first = await Promise.race([served, ...slow.map(({ firstAnswer }) => firstAnswer)]);
  for (const each of slow) each.hangUp();
  await Promise.all(slow.map(({ all }) => all));
  await until(async () => (await runningReads(pool)) === 0);
  return Array.isArray(first) && first[0].status === 200 && first[1].status === 201;
}

/** Whether the statements of a client that has hung up end. */
async function endsWhatNobodyReads(url: string): Promise<boolean> {
  const slow = searchSlowly(url, ann, 4);
  await until(async () => (await runningReads(pool)) === 4);
  slow.hangUp();
  await slow.all;
  const hasEnded = await until(async () => (await runningReads(pool)) === 0, 1_000);
  await until(async () => (await runningReads(pool)) === 0);
  return hasEnded;
}

/** How 21 requests of Ann's for something end when the database answers nothing from these tables, and one of Bob's behind them. */
async function readsWhileLocked(tables: string, path: string): Promise<{ refused: number; waiting: number }> {
  const holder = await pool.connect();
  const answered: number[] = [];
  const read = async (client: Client) => answered.push((await client.send('GET', path)).status);
  try {
    await holder.query(`begin; lock table ${tables} in access exclusive mode`);
    const own = Array.from({ length: 21 }, () => read(ann));
    await until(async () => answered.length > 0);
    const other = read(bob);
    await until(async () => (await runningReads(pool)) === 5);
    const refused = answered.filter((status) => status === 503).length;
    const waiting = 22 - answered.length;
    await holder.query('rollback');
    await Promise.all([...own, other]);
    return { refused, waiting };
  } finally {
    holder.release(true);
  }
}

describe('what is read of jobs and of the feed', () => {
  test('takes the same places, in which others read meanwhile', async () => {
    const { rows } = await pool.query<{ tables: string }>(
      `select string_agg(format('%I.%I', schemaname, tablename), ', ') as tables from pg_tables where schemaname =
        (select format('%s_v%s_g%s', name, version, generation) from projections.generations where name = 'feed' and state = 'live')`,
    );
    expect(await readsWhileLocked(rows[0]!.tables, '/api/v1/events')).toEqual({ refused: 1, waiting: 21 });
    expect(await readsWhileLocked('jobs.progress', `/async/tasks/${randomUUID()}`)).toEqual({ refused: 1, waiting: 21 });
  });
});

describe('the slow reads of one user', () => {
  test('take four places and a queue of sixteen, and no more', async () => {
    const slow = searchSlowly(service.url, ann, 20);
    await until(async () => (await runningReads(pool)) === 4);
    const others = await Promise.all([
      bob.get('/tasks'),
      bob.get('/activity'),
      bob.post('/tasks', { title: 'Mine' }),
      service.anonymous.post('/auth/login', account(bob)),
      service.anonymous.send('GET', '/health'),
    ]);
    expect(others.map(({ status }) => status)).toEqual([200, 200, 201, 200, 200]);
    expect(others[4]!.body).toEqual({ status: 'healthy', database: 'healthy' });
    expect(await runningReads(pool)).toBe(4);
    slow.hangUp();
    await slow.all;
  });

  test('have one too many refused at once', async () => {
    expect(await refusesOneTooMany(service.url)).toBe(true);
  });

  test('keep no one from signing in and writing, even when they fill every connection for reads', async () => {
    expect(await letsOthersIn(service.url)).toBe(true);
  });

  test('end in the database within a second of the client hanging up', async () => {
    expect(await endsWhatNobodyReads(service.url)).toBe(true);
  });

  test('are refused as too slow after five seconds, and say when to come again', async () => {
    const { status, headers, body } = await searchSlowly(service.url, ann, 1).firstAnswer;
    expect([status, body.error.code, body.error.details]).toEqual([503, 'QUERY_TOO_SLOW', [{ limit: 5 }]]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ann.get('/tasks')).status).toBe(200);
  });
});

describe('a search', () => {
  test('has at most ten words, those of its phrases included', async () => {
    expect((await ann.get(`/tasks?search=${encodeURIComponent('a b c d "e f g-h" i j')}`)).status).toBe(200);
    const { status, body } = await ann.get(`/tasks?search=${encodeURIComponent('a b c d "e f g-h" i j k')}`);
    expect([status, body.error.details]).toEqual([
      422,
      [{ path: 'query.search', message: 'must have at most 10 words', code: 'too_long' }],
    ]);
  });
});

describe('without the defences', () => {
  let weakened: Weakened;
  afterAll(() => weakened?.stop());

  test('one user fills every connection, and cancels nothing', async () => {
    weakened = await startWeakened(service);
    await weakened.without('reads end when their client leaves');
    expect(await endsWhatNobodyReads(weakened.url)).toBe(false);
    await weakened.without('a user has so many reads');
    expect(await refusesOneTooMany(weakened.url)).toBe(false);
    await weakened.stop();
  });

  test('reads keep others from signing in', async () => {
    weakened = await startWeakened({ sameStores: { ...service.sameStores, DATABASE_POOL_MAX: '5' } }, [
      'reads have connections of their own',
    ]);
    expect(await letsOthersIn(weakened.url)).toBe(false);
  });
});
