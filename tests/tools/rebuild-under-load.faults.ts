import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { readTables } from '../projections/project.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { adminAccount, type Client, createClient, type Reply } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { fillLog } from './history.ts';
import { dataDirectory, runTool } from './run-tool.ts';

jest.setTimeout(900_000);

const EVENTS = Number(process.env.FAULT_EVENTS ?? 200_000);
const TASKS = 2_000;
const EDITED = 100;
const WRITE_EVERY = 1_000 / 50;
const LOOK_EVERY = 1_000 / 20;
const PAGE = '/tasks?scope=everyone&sort_by=created_at&sort_order=asc&per_page=100';

const directory = dataDirectory();
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let pool: pg.Pool;
let service: ServiceProcess;
let client: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.connectionString, max: 2 });
  pool.on('error', () => {});
  await fillLog(database.connectionString, { tasks: TASKS, events: EVENTS });
  service = await start('0');
  await until('ready', isReady);
  const { username, password } = adminAccount;
  const { body } = await createClient(service.url).post('/auth/login', { username, password });
  client = createClient(service.url, body.access_token);
});
afterAll(async () => {
  await service?.end('SIGKILL');
  await pool.end();
  await database.drop();
  await directory.remove();
});

const stores = () => ({ DATA_DIR: directory.path, DATABASE_URL: database.connectionString });

async function start(port: string): Promise<ServiceProcess> {
  const keys = Object.fromEntries(['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY'].map((key) => [key, `${key} of the tests, long enough`]));
  const { email, username, password } = adminAccount;
  const admin = { ADMIN_EMAIL: email, ADMIN_USERNAME: username, ADMIN_PASSWORD: password };
  return startServiceProcess({ ...stores(), ...keys, ...admin, PORT: port });
}

/** Connections to the one that was killed may be found closed by now. */
const isReady = async () => (await fetch(`${service.url}/ready`).catch(() => undefined))?.status === 200;

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 300_000; Date.now() < deadline; await pause(50)) if (await isSo()) return;
  throw new Error(`it did not come to be ${what}`);
}

interface Generation {
  generation: number;
  state: string;
  position: string;
}
async function generations(): Promise<Generation[]> {
  const { rows } = await pool.query(
    `select generation, state, position from projections.generations where name = 'listing' order by generation`,
  );
  return rows;
}
const inState = async (wanted: string) => (await generations()).find(({ state }) => state === wanted);
const isLive = async (generation: number) => (await inState('live'))?.generation === generation;
const rebuild = async (...args: string[]) => (await runTool('rebuild', ['listing', ...args], stores())).stdout;

/** Somebody who does a thing so many times a second, and what came of it. */
interface Regular {
  /** Milliseconds of each answer. */
  times: number[];
  /** Without an answer: only while nobody is there to give one. */
  away: number;
  end(): Promise<void>;
}

function regularly(every: number, once: () => Promise<void>, mayBeAway: () => boolean): Regular {
  let running = true;
  const regular: Regular = { times: [], away: 0, end: async () => {} };
  const done = (async () => {
    for (let next = performance.now(); running; next += every) {
      await pause(Math.max(0, next - performance.now()));
      const since = performance.now();
      const wasAway = mayBeAway();
      try {
        await once();
        regular.times.push(performance.now() - since);
      } catch (error) {
        if (!isAway(error as Error) || !(wasAway || mayBeAway())) throw error;
        regular.away++;
        next = performance.now();
      }
    }
  })();
  done.catch(() => {});
  regular.end = async () => {
    running = false;
    await done;
  };
  return regular;
}

class Unexpected extends Error {
  readonly status: number;
  constructor({ status, text }: Reply) {
    super(`${status} ${text}`);
    this.status = status;
  }
}

function answered(reply: Reply, status: number): Reply {
  if (reply.status !== status) throw new Unexpected(reply);
  return reply;
}

/** Nobody listens, or somebody who is only starting. `fetch` throws a TypeError, of another realm than this one. */
function isAway(error: Error): boolean {
  return error.name === 'TypeError' || (error instanceof Unexpected && error.status === 503);
}

/** Goes through all pages of all tasks, again and again: none that was ever listed may be missing, and none older than it was. */
function createReader() {
  const revisions = new Map<string, number>();
  const faults: string[] = [];
  let pass = new Set<string>();
  let path = PAGE;
  let passes = 0;
  const look = async () => {
    const known = revisions.size;
    const { body } = answered(await client.get(path), 200);
    if (path === PAGE && body.total < known) faults.push(`${body.total} tasks of ${known}`);
    for (const { id, revision } of body.items as { id: string; revision: number }[]) {
      if (revision < (revisions.get(id) ?? 0)) faults.push(`${id} went back from ${revisions.get(id)} to ${revision}`);
      revisions.set(id, Math.max(revision, revisions.get(id) ?? 0));
      pass.add(id);
    }
    path = body.next_cursor ? `${PAGE}&cursor=${encodeURIComponent(body.next_cursor)}` : PAGE;
    if (body.next_cursor) return;
    for (const id of revisions.keys()) if (!pass.has(id)) faults.push(`${id} is missing`);
    passes++;
    pass = new Set();
  };
  return { look, faults, revisions, passes: () => passes };
}

function createWriter(ids: readonly string[]) {
  const acknowledged = new Map<string, number>();
  let n = 0;
  const edit = async () => {
    const id = ids[n++ % ids.length]!;
    const { body } = answered(await client.patch(`/tasks/${id}`, { title: `Edited ${n}` }), 200);
    if (body.revision <= (acknowledged.get(id) ?? 0))
      throw new Error(`${id} was at ${acknowledged.get(id)} and is now at ${body.revision}`);
    acknowledged.set(id, body.revision);
  };
  return { edit, acknowledged };
}

const percentile = (times: readonly number[], share: number) =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))]!.toFixed(0);
const describeTimes = (times: readonly number[]) =>
  `p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms of ${times.length}`;

test(`${EVENTS} events are made anew under 50 writes and 20 looks a second: no row missing, none going back; paused, killed, taken back`, async () => {
  const ids: string[] = [];
  while (ids.length < EDITED) ids.push(answered(await client.post('/tasks', { title: `Mine ${ids.length}` }), 201).body.id);
  let down = false;
  const reader = createReader();
  const writer = createWriter(ids);
  const looks = regularly(LOOK_EVERY, reader.look, () => down);
  const writes = regularly(WRITE_EVERY, writer.edit, () => down);
  const report: string[] = [];
  const measured = (during: string) => {
    const [ofLooks, ofWrites] = [looks.times.splice(0), writes.times.splice(0)];
    report.push(`${during}: looks ${describeTimes(ofLooks)}; writes ${describeTimes(ofWrites)}`);
  };

  await pause(10_000);
  measured('without a rebuild');

  // Made anew, at one go.
  const begun = performance.now();
  answered(await client.post('/admin/projections/listing/rebuild'), 202);
  const second = (await inState('building'))!.generation;
  await until('live', () => isLive(second));
  const seconds = (performance.now() - begun) / 1_000;
  measured(`while ${EVENTS} events are made anew in ${seconds.toFixed(1)} s (${Math.round(EVENTS / seconds)} events/s)`);
  const passes = reader.passes();
  await until('looked through', async () => reader.passes() > passes + 1);
  expect(reader.faults).toEqual([]);
  expect(await rebuild('--back')).toContain(`generation ${second - 1} of listing is read again`);
  await until('live again', () => isLive(second - 1));

  // Paused, and killed.
  answered(await client.post('/admin/projections/listing/rebuild'), 202);
  const third = (await inState('building'))!.generation;
  const reached = async () => Number((await inState('building'))!.position);
  await until('begun', async () => (await reached()) > EVENTS / 10);
  expect(await rebuild('--pause')).toContain('listing is paused');
  await pause(1_000);
  const paused = await reached();
  await pause(2_000);
  expect(await reached()).toBe(paused);
  expect(await rebuild('--resume')).toContain('listing goes on');
  await until('half made', async () => (await reached()) > EVENTS / 2);
  down = true;
  await service.end('SIGKILL');
  const killedAt = await reached();
  service = await start(new URL(service.url).port);
  await until('back', isReady);
  down = false;
  await until('live', () => isLive(third));
  const goesOn = service.log.map(({ message }) => String(message)).find((line) => line.includes(`listing_v6_g${third} goes on`));
  report.push(`paused at ${paused}, killed at ${killedAt}: ${goesOn}; ${looks.away} looks and ${writes.away} writes without an answer`);
  expect(Number(/position (\d+)/.exec(goesOn!)![1])).toBeGreaterThanOrEqual(EVENTS / 2);

  await pause(1_000);
  await Promise.all([looks.end(), writes.end()]);
  report.push(`${reader.passes()} times through all ${reader.revisions.size} tasks`);
  process.stdout.write(`${report.join('\n')}\n`);
  expect(reader.faults).toEqual([]);
  expect(reader.revisions.size).toBeGreaterThanOrEqual(TASKS + EDITED);
  expect(reader.passes()).toBeGreaterThan(20);
  for (const [id, revision] of writer.acknowledged)
    expect((await client.get(`/tasks/${id}`)).body.revision).toBeGreaterThanOrEqual(revision);

  // What was made in three pieces is what was there before.
  await until(
    'alike',
    async () => new Set((await generations()).filter(({ state }) => state !== 'building').map(({ position }) => position)).size === 1,
  );
  const [former, live] = await Promise.all([third - 2, third].map((generation) => readTables(pool, `listing_v6_g${generation}`)));
  expect(live!.tasks!.length).toBeGreaterThanOrEqual(TASKS + EDITED);
  expect(live).toEqual(former);
});
