import { createHash, type Hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import type { StoredEvent } from '../../src/events/store/event-store.ts';
import { Connection } from '../../src/events/store/eventstoredb/connection.ts';
import { ForeignEvents } from '../../src/events/store/eventstoredb/foreign-events.ts';
import { namesIn } from '../../src/events/store/eventstoredb/names.ts';
import { LogReader } from '../../src/events/store/eventstoredb/read-log.ts';
import { allProjections } from '../../src/projections/all-projections.ts';
import { readTables } from '../projections/project.ts';
import { canStartEventStored, type EventStored, startEventStored } from '../support/eventstored.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { fillLog } from './history.ts';
import { dataDirectory, type Outcome, type RunningTool, runTool, startTool } from './run-tool.ts';

jest.setTimeout(90_000);

const MANY = Number(process.env.FAULT_EVENTS ?? 100_000);

const KILLED_AMONG = 30_000;

const where = canStartEventStored ? describe : describe.skip;

where('npm run migrate-store', () => {
  const directory = dataDirectory();
  let connectionString: string;
  let drop: () => Promise<void>;
  let pool: pg.Pool;
  let server: EventStored;
  let service: TestService | undefined;

  beforeAll(async () => {
    ({ connectionString, drop } = await createTestDatabase());
    pool = new pg.Pool({ connectionString, max: 2 });
    server = await startEventStored();
  });
  afterAll(async () => {
    await service?.stop();
    await server.stop();
    await pool.end();
    await drop();
    await directory.remove();
  });

  const environment = () => ({ DATA_DIR: directory.path, DATABASE_URL: connectionString });
  const migrate = (from: string, to: string): Promise<Outcome> => runTool('migrate-store', ['--from', from, '--to', to], environment());
  const start = async (more: Record<string, string> = {}) => {
    service = await startTestService({ DATABASE_URL: connectionString, ...more });
    return service;
  };
  const stop = async () => {
    await service?.stop();
    service = undefined;
  };

  async function caughtUp(person: Client, path: string): Promise<{ items: Record<string, unknown>[] }> {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await pause(20)) {
      const reply = await person.get(path);
      if (reply.headers.get('tasktrail-stale') === null) return reply.body;
    }
    throw new Error('the read models do not catch up');
  }

  async function work(ann: Client, n: number): Promise<void> {
    for (let made = 0; made < n; made++) {
      const { body } = await ann.post('/tasks', { title: `Task ${made}`, tags: ['a'] });
      await ann.post(`/tasks/${body.id}/transition`, { target_status: 'in_progress' });
      if (made > 0) await ann.patch(`/tasks/${body.id}`, { title: `Task ${made}, changed` });
    }
  }

  /** The rows of the read models that are read, and the same made anew from the log: they must not differ. */
  async function rowsAndRebuilt(more: Record<string, string>): Promise<[unknown, unknown]> {
    const tables = async () => {
      const live = await pool.query<{ name: string; generation: number }>(
        `select name, generation from projections.generations where state = 'live' order by 1`,
      );
      return Promise.all(live.rows.map(({ name, generation }) => readTables(pool, `${name}_v1_g${generation}`)));
    };
    const before = await tables();
    expect(
      await runTool(
        'rebuild',
        allProjections.map(({ name }) => name),
        { ...environment(), ...more },
      ),
    ).toMatchObject({ code: 0 });
    return [before, await tables()];
  }

  test('moves the log to EventStoreDB and back, and each time the service goes on where it was', async () => {
    const inEventStoreDb = { EVENTSTORE_URL: server.url() };
    await start();
    let ann = await service!.someone('ann');
    await work(ann, 20);
    const [tasks, activity] = [await caughtUp(ann, '/tasks'), await caughtUp(ann, '/activity?per_page=100')];
    expect(tasks.items).toHaveLength(20);
    expect(activity.items.length).toBeGreaterThan(50);
    const refused = await migrate(connectionString, server.url());
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('stop every instance first') });
    await stop();
    // Started there too early: refused, for this is not its log; and no harm is done.
    await expect(start(inEventStoreDb)).rejects.toThrow(/listing was made from the log/);

    const there = await migrate(connectionString, server.url());
    expect(there).toMatchObject({ code: 0, stdout: expect.stringMatching(/listing_v6_g1 goes on there/) });
    expect(there.stdout).toContain('the subscriber webhooks goes on there');
    expect(there.stdout).toMatch(/^(\d+) events are in EventStoreDB, the same as in PostgreSQL: sha256 [\da-f]{64}$/m);
    await expect(start()).rejects.toThrow(/beyond the end of the log/);
    await start(inEventStoreDb);
    ann = service!.as(ann);
    expect(await caughtUp(ann, '/tasks')).toEqual(tasks);
    const positionless = ({ items }: { items: Record<string, unknown>[] }) => items.map(({ position: _, ...item }) => item);
    expect(positionless(await caughtUp(ann, '/activity?per_page=100'))).toEqual(positionless(activity));
    await work(ann, 5);
    const later = [await caughtUp(ann, '/tasks?per_page=100'), await caughtUp(ann, '/activity?per_page=100')];
    await stop();
    const [kept, rebuilt] = await rowsAndRebuilt(inEventStoreDb);
    expect(kept).toEqual(rebuilt);

    const back = await migrate(server.url(), 'postgres');
    expect(back).toMatchObject({ code: 0, stdout: expect.stringMatching(/events are in PostgreSQL \(\d+ had been there already\)/) });
    await expect(start(inEventStoreDb)).rejects.toThrow(/positions of another event store/);
    await start();
    ann = service!.as(ann);
    expect(await caughtUp(ann, '/tasks?per_page=100')).toEqual(later[0]);
    expect(positionless(await caughtUp(ann, '/activity?per_page=100'))).toEqual(positionless(later[1]!));
    await work(ann, 1);
    await Promise.all(['/tasks', '/activity'].map((path) => caughtUp(ann, path)));
    await stop();
    const [keptBack, rebuiltBack] = await rowsAndRebuilt({});
    expect(keptBack).toEqual(rebuiltBack);
  });

  test('that was killed goes on where it was, there and back; a log of somebody else is left alone', async () => {
    const [here, elsewhere] = [await createTestDatabase(), await createTestDatabase()];
    const other = await startEventStored();
    try {
      await fillLog(here.connectionString, { tasks: 200, events: 4_000 });
      const hereTo = (url: string) => ['--from', here.connectionString, '--to', url, '--in-flight', '16'];
      const there = startTool('migrate-store', hereTo(other.url()), { DATA_DIR: directory.path });
      await killOnceWritten(there, () => eventsIn(other));
      const resumed = await runTool('migrate-store', hereTo(other.url()), { DATA_DIR: directory.path });
      expect(resumed).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^4000 events are in EventStoreDB \(\d+ had been there already\)/),
      });

      const backTo = ['--from', other.url(), '--to', elsewhere.connectionString];
      const back = startTool('migrate-store', backTo, { DATA_DIR: directory.path });
      await killOnceWritten(back, () => eventsInPostgres(elsewhere.connectionString));
      const resumedBack = await runTool('migrate-store', backTo, { DATA_DIR: directory.path });
      expect(resumedBack).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^4000 events are in PostgreSQL \(\d+ had been there already\)/),
      });
      const digestOf = ({ stdout }: Outcome) => /sha256 ([\da-f]{64})/.exec(stdout)?.[1];
      expect(digestOf(resumedBack)).toBe(digestOf(resumed));

      const refused = await migrate('postgres', other.url());
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('EventStoreDB holds another log') });
      expect(await eventsIn(other)).toBe(4_000);
    } finally {
      await other.stop();
      await here.drop();
      await elsewhere.drop();
    }
  });

  test(`moves ${MANY} events there and back, and they are the same, in the same order`, async () => {
    const [here, elsewhere] = [await createTestDatabase(), await createTestDatabase()];
    const other = await startEventStored({ durable: true });
    try {
      await fillLog(here.connectionString, { tasks: MANY / 20, events: MANY });
      const there = await runTool('migrate-store', ['--from', here.connectionString, '--to', other.url()], { DATA_DIR: directory.path });
      const back = await runTool('migrate-store', ['--from', other.url(), '--to', elsewhere.connectionString], {
        DATA_DIR: directory.path,
      });
      process.stdout.write(`${there.stdout}${back.stdout}`);
      expect([there, back]).toMatchObject([{ code: 0 }, { code: 0 }]);
      const digests = [there, back].map(({ stdout }) => /^(\d+) events are in .*: sha256 ([\da-f]{64})$/m.exec(stdout)?.slice(1));
      expect(digests[0]).toEqual([String(MANY), expect.any(String)]);
      expect(digests[1]).toEqual(digests[0]);
      const [before, between, after] = [
        await postgresContents(here.connectionString),
        contentsOf(await storedIn(other, MANY + 1)),
        await postgresContents(elsewhere.connectionString),
      ];
      expect(before.streams.size).toBe(MANY / 20);
      expect(between).toEqual(before);
      expect(after).toEqual(before);
    } finally {
      await other.stop();
      await here.drop();
      await elsewhere.drop();
    }
  }, 300_000);

  test('goes on by itself when the server is killed in the midst of it, and has everything in order all the same', async () => {
    const here = await createTestDatabase();
    const other = await startEventStored();
    try {
      await fillLog(here.connectionString, { tasks: 500, events: KILLED_AMONG });
      const moving = startTool('migrate-store', ['--from', here.connectionString, '--to', other.url()], { DATA_DIR: directory.path });
      for (const deadline = Date.now() + 30_000; (await eventsIn(other)) === 0 && Date.now() < deadline; ) await pause(5);
      await pause(200);
      await other.restart(1_000);
      const there = await eventsIn(other);
      expect(there).toBeLessThan(KILLED_AMONG);
      expect(there).toBeGreaterThan(0);
      const { code, stdout, stderr } = await moving.outcome;
      expect({ code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(new RegExp(`^${KILLED_AMONG} events are in EventStoreDB, the same`)),
      });
      expect(stderr).toContain('EventStoreDB answers again');
      expect(contentsOf(await storedIn(other, KILLED_AMONG + 1))).toEqual(await postgresContents(here.connectionString));
    } finally {
      await other.stop();
      await here.drop();
    }
  });

  test('has a companion in export and import, which bring a log into EventStoreDB and out of it again', async () => {
    const [here, elsewhere] = [await createTestDatabase(), await createTestDatabase()];
    const other = await startEventStored();
    try {
      await fillLog(here.connectionString, { tasks: 30, events: 300 });
      const run = (tool: string, file: string, more: Record<string, string>) =>
        runTool(tool, [join(directory.path, file)], { DATA_DIR: directory.path, ...more });
      const there = { DATABASE_URL: elsewhere.connectionString, EVENTSTORE_URL: other.url() };
      expect(await run('export', 'here', { DATABASE_URL: here.connectionString })).toMatchObject({ code: 0 });
      expect(await run('import', 'here', there)).toMatchObject({ code: 0 });
      expect(await run('export', 'there', there)).toMatchObject({ code: 0 });
      const [one, same] = await Promise.all(['here', 'there'].map((file) => readFile(join(directory.path, file), 'utf8')));
      expect(same).toBe(one);
    } finally {
      await other.stop();
      await here.drop();
      await elsewhere.drop();
    }
  });

  test.each([
    [['--from', 'postgres', '--to', 'postgres://127.0.0.1/other'], /from one store to another/],
    [['--from', 'mysql://somebody:secret@host/db', '--to', 'postgres'], /"mysql:\/\/…@host\/db" is no store/],
  ])('says what it takes when it is called with %j', async (args, message) => {
    expect(await runTool('migrate-store', args, environment())).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });
});

async function killOnceWritten({ child, outcome }: RunningTool, written: () => Promise<number>): Promise<void> {
  for (const deadline = Date.now() + 30_000; (await written()) === 0 && Date.now() < deadline; ) await pause(5);
  child.kill('SIGKILL');
  await outcome;
  const there = await written();
  expect(there).toBeGreaterThan(0);
  expect(there).toBeLessThan(4_000);
}

/** By a reader alone: opening a store would give an empty log an identity, while the tool is about to. */
async function storedIn(server: EventStored, limit: number): Promise<StoredEvent[]> {
  const connection = new Connection({ url: server.url(), answerWithin: 5_000, log: () => {} });
  try {
    return await new LogReader({ connection, names: namesIn(''), foreign: new ForeignEvents(() => {}) }).all(0n, limit);
  } finally {
    await connection.close();
  }
}

async function eventsIn(server: EventStored): Promise<number> {
  return (await storedIn(server, 100_000)).length;
}

/** What is compared: a digest of the whole log in its order, and one of each stream. */
function contentsOf(events: readonly Omit<StoredEvent, 'position'>[]): { count: number; all: string; streams: Map<string, string> } {
  const all = createHash('sha256');
  const streams = new Map<string, Hash>();
  for (const { stream, revision, id, type, metadata, data } of events) {
    const of = streams.get(stream) ?? createHash('sha256');
    streams.set(stream, of);
    for (const digest of [all, of])
      digest
        .update(JSON.stringify([stream, revision, id, type]))
        .update(metadata)
        .update(data);
  }
  return {
    count: events.length,
    all: all.digest('hex'),
    streams: new Map([...streams].map(([stream, digest]) => [stream, digest.digest('hex')] as const).sort()),
  };
}

async function postgresContents(connectionString: string): Promise<ReturnType<typeof contentsOf>> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query('select stream, revision, id, type, metadata, data from event_log.events order by position');
    return contentsOf(rows);
  } finally {
    await client.end();
  }
}

async function eventsInPostgres(connectionString: string): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query('select count(*)::integer as n from event_log.events')).rows[0].n;
  } catch {
    return 0;
  } finally {
    await client.end();
  }
}
