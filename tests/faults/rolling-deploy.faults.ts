import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { listing } from '../../src/projections/listing/listing.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { adminAccount, type Client, createClient } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { fillLog } from '../tools/history.ts';
import { dataDirectory } from '../tools/run-tool.ts';

jest.setTimeout(300_000);

const EVENTS = 60_000;
const TASKS = 3_000;
const WRITE_EVERY = 50;
const POLL_EVERY = 50;
const nextRelease = join(import.meta.dirname, '..', 'support', 'next-release.ts');
const everything = '/tasks?scope=everyone&per_page=5';

const directory = dataDirectory();
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let pool: pg.Pool;
const instances: ServiceProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.connectionString, max: 2 });
  await fillLog(database.connectionString, { tasks: TASKS, events: EVENTS });
});
afterEach(() => Promise.all(instances.splice(0).map((instance) => instance.end('SIGKILL'))));
afterAll(async () => {
  await pool.end();
  await database.drop();
  await directory.remove();
});

async function start(entry?: string): Promise<ServiceProcess> {
  const keys = Object.fromEntries(['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY'].map((key) => [key, `${key} of the tests, long enough`]));
  const { email, username, password } = adminAccount;
  const admin = { ADMIN_EMAIL: email, ADMIN_USERNAME: username, ADMIN_PASSWORD: password };
  const environment = { DATA_DIR: directory.path, DATABASE_URL: database.connectionString, ...keys, ...admin };
  const instance = await startServiceProcess(environment, entry);
  instances.push(instance);
  return instance;
}

async function stop(instance: ServiceProcess): Promise<void> {
  instances.splice(instances.indexOf(instance), 1);
  expect(await instance.end('SIGTERM')).toBe(0);
}

async function isReady({ url }: ServiceProcess): Promise<boolean> {
  return (await fetch(`${url}/ready`)).status === 200;
}

async function ready(instance: ServiceProcess): Promise<void> {
  for (const deadline = Date.now() + 90_000; !(await isReady(instance)); await pause(20))
    if (Date.now() > deadline) throw new Error('it does not become ready');
}

async function signIn({ url }: ServiceProcess): Promise<Client> {
  const { username, password } = adminAccount;
  const reply = await createClient(url).post('/auth/login', { username, password });
  return createClient(url, reply.body.access_token);
}

/** What somebody saw who listed all tasks of an instance again and again, and looked at its read models. */
interface Watch {
  /** How many tasks there were, by looks that were answered. */
  totals: number[];
  /** Looks that were put off, while the instance said that it was not ready. */
  putOff: number;
  /** Whatever should not have been seen. */
  faults: string[];
  end(): Promise<void>;
}

function watch(instance: ServiceProcess, token: string): Watch {
  const client = createClient(instance.url, token);
  const seen: Watch = { totals: [], putOff: 0, faults: [], end: async () => {} };
  let watching = true;
  const look = async () => {
    // Asked first: what was not ready before the look may be put off, and nothing else may.
    const wasReady = await isReady(instance);
    const { status, headers, body } = await client.get(everything);
    if (status === 503 && !wasReady && headers.get('retry-after') !== null) seen.putOff++;
    else if (status !== 200 || body.items.length === 0) seen.faults.push(`${status} with ${body?.items?.length} tasks, ready: ${wasReady}`);
    else seen.totals.push(body.total);
    const projections = await client.get('/admin/projections');
    for (const { name, state, error } of projections.body.items) if (state === 'stopped') seen.faults.push(`${name} is stopped: ${error}`);
  };
  const looking = (async () => {
    for (; watching; await pause(POLL_EVERY)) await look();
  })();
  looking.catch(() => {});
  seen.end = async () => {
    watching = false;
    await looking;
  };
  return seen;
}

/** Creates tasks by one instance or another, and sees each of them listed there. */
function write(first: Client) {
  const writing = { by: first, made: 0, running: true };
  const done = (async () => {
    for (; writing.running; await pause(WRITE_EVERY)) {
      const { by } = writing;
      const created = await by.post('/tasks', { title: `Made meanwhile ${writing.made}` });
      expect(created.status).toBe(201);
      writing.made++;
      const listed = await by.get(everything);
      expect({ status: listed.status, stale: listed.headers.get('tasktrail-stale'), first: listed.body.items?.[0]?.id }).toEqual({
        status: 200,
        stale: null,
        first: created.body.id,
      });
    }
  })();
  done.catch(() => {});
  const end = async () => {
    writing.running = false;
    await done;
  };
  return { writing, end };
}

const generations = async () =>
  (await pool.query(`select name, version, generation, state from projections.generations where name = 'listing' order by 2, 3`)).rows.map(
    ({ name, version, generation, state }) => `${name} ${version}.${generation} ${state}`,
  );

test('a release with another version of a read model is rolled out beside the old one, and back: no empty list, no stopped projection', async () => {
  const old = await start();
  await ready(old);
  const admin = await signIn(old);
  const atFirst = (await admin.get(everything)).body.total as number;
  expect(atFirst).toBeGreaterThan(TASKS / 2);

  const ofOld = watch(old, admin.token);
  const { writing, end: endWriting } = write(admin);
  const before = performance.now();
  const next = await start(nextRelease);
  const ofNext = watch(next, admin.token);
  await ready(next);
  const took = performance.now() - before;
  const made = writing.made;
  expect(made).toBeGreaterThan(10);
  expect(await generations()).toEqual([`listing ${listing.version}.1 live`, `listing ${listing.version + 1}.1 live`]);

  // Both serve, and each lists what was written by the other.
  const onNext = createClient(next.url, admin.token);
  const created = await onNext.post('/tasks', { title: 'By the next release' });
  const position = { 'tasktrail-position': created.headers.get('tasktrail-position')! };
  for (const client of [admin, onNext]) {
    const listed = await client.get(`${everything}&search=release`, position);
    expect(listed.body.items.map(({ id }: { id: string }) => id)).toEqual([created.body.id]);
  }
  writing.by = onNext;
  await pause(500);
  await ofOld.end();
  await stop(old);
  const alone = writing.made;
  await pause(2_000);
  expect(writing.made).toBeGreaterThan(alone + 5);

  // And back.
  const again = await start();
  const ofAgain = watch(again, admin.token);
  await ready(again);
  writing.by = createClient(again.url, admin.token);
  await pause(500);
  await ofNext.end();
  await stop(next);
  await pause(1_000);
  await endWriting();
  await ofAgain.end();

  process.stdout.write(
    `ready after ${(took / 1000).toFixed(1)} s of ${EVENTS} events; ${made} tasks written meanwhile, ${writing.made} in all; looks: ` +
      `old ${ofOld.totals.length}, next ${ofNext.totals.length} (and ${ofNext.putOff} put off), old again ${ofAgain.totals.length}\n`,
  );
  for (const { totals, faults } of [ofOld, ofNext, ofAgain]) {
    expect(faults).toEqual([]);
    expect(totals.length).toBeGreaterThan(10);
    expect(Math.min(...totals)).toBeGreaterThanOrEqual(atFirst);
    expect(totals).toEqual(totals.toSorted((a, b) => a - b));
  }
  expect(ofOld.putOff).toBe(0);
  expect(ofNext.putOff).toBeGreaterThan(0);
  expect(ofAgain.putOff).toBe(0);
  expect((await createClient(again.url, admin.token).get(everything)).body.total).toBe(atFirst + writing.made + 1);
  expect(await generations()).toEqual([`listing ${listing.version}.1 live`, `listing ${listing.version + 1}.1 live`]);
});
