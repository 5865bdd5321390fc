import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { expectedHash } from '../../src/events/codec.ts';
import { headsFileIn, readLines } from '../../src/events/integrity/heads-file.ts';
import { readHeads } from '../../src/events/integrity/read-heads.ts';
import type { Head } from '../../src/events/integrity/signed-head.ts';
import { signingKey } from '../../src/events/integrity/signing-key.ts';
import { verifyLog } from '../../src/events/integrity/verify-log.ts';
import type { EventStore, StoredEvent } from '../../src/events/store/event-store.ts';
import { findMisfiled } from '../../src/events/store/postgres/inspect-log.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { createLog } from '../../src/platform/logging.ts';
import { startHeadSigning } from '../../src/subscribers/sign-heads.ts';
import { type EventStored, startEventStored } from '../support/eventstored.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { keys } from '../support/service.ts';
import { withEventStoreDb } from '../support/with-eventstoredb.ts';
import { fillLog } from './history.ts';
import { dataDirectory, type Outcome, runTool } from './run-tool.ts';

jest.setTimeout(60_000);

const EVENTS = 330;
const key = signingKey('SIGNING_KEY of the tests, long enough');
const directory = dataDirectory();
const file = headsFileIn(directory.path);
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let pool: pg.Pool;
let store: EventStore;
let heads: Head[];
let log: StoredEvent[];

const environment = () => ({ DATA_DIR: directory.path, DATABASE_URL: database.connectionString });

/** Heads at 100, 200 and 300 events, as a service leaves them that was killed some events later. */
beforeAll(async () => {
  database = await createTestDatabase();
  await fillLog(database.connectionString, { tasks: 40, events: EVENTS });
  pool = new pg.Pool({ connectionString: database.connectionString, max: 2 });
  pool.on('error', () => {});
  store = await createPostgresEventStore({ connectionString: database.connectionString, pool, log: () => {} });
  const rhythm = { events: 100, milliseconds: 3_600_000, pace: 0 };
  const signing = startHeadSigning({ store, file, key, log: createLog({ level: 'silent', format: 'json' }), rhythm });
  while ((signing.status().last?.events ?? 0) < 300) await new Promise((resolve) => setTimeout(resolve, 5));
  await signing.close();
  await writeFile(file, `${(await readLines(file)).slice(0, 3).join('\n')}\n`);
  heads = readHeads(await readLines(file), store.logId, new Map([[key.id, key.publicKey]])).heads;
  log = await store.readAll({ after: 0n, limit: 1_000 });
  await pool.query('create table event_log.kept as table event_log.events');
});
afterAll(async () => {
  await store?.close();
  await pool?.end();
  await database?.drop();
  await directory.remove();
});
beforeEach(() => pool.query('truncate event_log.events; insert into event_log.events table event_log.kept'));

/** What is wrong with the log as it is in the database now. */
async function faults(against: readonly Head[] = heads): Promise<string[]> {
  const verification = verifyLog({ heads: against, firstPosition: 1n });
  const events = await store.readAll({ after: 0n, limit: 1_000 });
  return [...events.flatMap((event) => verification.add(event)), ...verification.finish()].map(({ what }) => what);
}

const at = (position: number) => log[position - 1]!;
const nameOf = ({ revision, stream, type }: StoredEvent) => `revision ${revision} of ${stream} (${type})`;
/** The next event of the same stream. */
const afterIt = ({ stream, revision }: StoredEvent) => log.find((event) => event.stream === stream && event.revision === revision + 1)!;
/** An event in the second hundred that has others of its stream before and behind it there, and one that is not alone in the hundred. */
const victim = () => log.find((event) => event.position > 110n && event.revision > 1 && (afterIt(event)?.position ?? 999n) < 190n)!;
const closeGap = `update event_log.events set position = -position where position > $1;
  update event_log.events set position = -position - 1 where position < 0`;

async function sql(...statements: string[]): Promise<void> {
  for (const statement of statements) await pool.query(statement);
}
const swap = (one: bigint, other: bigint) =>
  sql(
    `update event_log.events set position = -position where position in (${one}, ${other})`,
    `update event_log.events set position = ${one} + ${other} + position where position < 0`,
  );
const drop = async (condition: string) => {
  const { rows } = await pool.query<{ position: string }>(`delete from event_log.events where ${condition} returning position`);
  for (const { position } of rows.sort((one, other) => Number(other.position) - Number(one.position)))
    await sql(...closeGap.replaceAll('$1', position).split(';'));
};
const flip = (column: string, position: bigint) =>
  sql(`update event_log.events set ${column} = set_byte(${column}, 25, get_byte(${column}, 25) # 1) where position = ${position}`);

/** As somebody does who knows how hashes are made: everything in the stream from there on is made to fit. */
async function reseal(stream: string): Promise<void> {
  let hash = '';
  for (const event of await store.readStream(stream)) {
    const { expected, carried } = expectedHash(event, hash);
    const metadata = Buffer.from(event.metadata.toString().replace(carried!, expected));
    await pool.query('update event_log.events set metadata = $2 where position = $1', [event.position.toString(), metadata]);
    hash = expected;
  }
}

describe('of a log in PostgreSQL', () => {
  test('nothing is wrong when nothing was done', async () => {
    expect(await faults()).toEqual([]);
    expect(await findMisfiled(pool, 1_000n)).toBeNull();
    expect(heads.map(({ events }) => events)).toEqual([100, 200, 300]);
  });

  test.each(['data', 'metadata'])('changed %s show at their position', async (column) => {
    await flip(column, victim().position);
    const [first] = await faults([]);
    expect(first).toContain(`position ${victim().position}: ${nameOf(victim())}: is not what was written behind revision`);
  });

  test('a dropped event leaves a gap; and when its gap was closed, shows in the next one of its stream', async () => {
    const { position } = victim();
    const next = afterIt(victim());
    await sql(`delete from event_log.events where position = ${position}`);
    expect((await faults([]))[0]).toBe(`position ${position}: there is no event: dropped`);
    await sql(...closeGap.replaceAll('$1', position.toString()).split(';'));
    const missing = `revision ${victim().revision} is missing before it`;
    expect((await faults([]))[0]).toContain(`position ${next.position - 1n}: ${nameOf(next)}: ${missing}`);
    expect(await faults()).toContainEqual(expect.stringContaining('after position 100 up to position 199: one event fewer: dropped'));
  });

  test('events of one stream that changed places show where the first stands now', async () => {
    const [one, other] = [victim(), afterIt(victim())];
    await swap(one.position, other.position);
    const found = await faults([]);
    expect(found[0]).toContain(
      `position ${one.position}: ${nameOf(other)}: revision ${one.revision} is missing before it: dropped or reordered`,
    );
    expect(found[1]).toContain(`position ${other.position}: ${nameOf(one)}: does not belong behind`);
  });

  test('events of two streams that changed places show between two heads, and by nothing else', async () => {
    const position = log.find(
      (event, index) => index > 120 && event.stream !== log[index + 1]!.stream && event.revision > 0 && log[index + 1]!.revision > 0,
    )!.position;
    await swap(position, position + 1n);
    expect(await faults()).toEqual([
      expect.stringMatching(/^after position 100 up to position 200: not the events that were signed at 20.*reordered$/),
    ]);
    expect(await faults([])).toEqual([]);
  });

  const makeRoom = () =>
    sql(
      'update event_log.events set position = -position where position > 150',
      'update event_log.events set position = -position + 1 where position < 0',
    );

  test('an inserted event shows where it stands', async () => {
    const last = log.findLast(({ position }) => position <= 150n)!;
    await makeRoom();
    await pool.query(
      `insert into event_log.events select 151, -1, revision + 1, stream, gen_random_uuid(), type, metadata, data
       from event_log.events where position = $1`,
      [last.position.toString()],
    );
    expect((await faults([]))[0]).toContain(`position 151: revision ${last.revision + 1} of ${last.stream}`);
  });

  test('an inserted stream whose hashes fit shows by the heads, and by nothing else', async () => {
    await makeRoom();
    await sql(
      `insert into event_log.events select 151, 151, 0, 'task-x', gen_random_uuid(), type, metadata, data from event_log.kept where position = 1`,
    );
    await reseal('task-x');
    expect(await faults([])).toEqual([]);
    expect((await faults())[0]).toContain('after position 100 up to position 201: one event more: inserted');
  });

  test('a history that was written anew with hashes that fit shows by the heads, and by nothing else', async () => {
    await flip('data', victim().position);
    await reseal(victim().stream);
    expect(await faults([])).toEqual([]);
    expect((await faults())[0]).toContain('after position 100 up to position 200: not the events that were signed');
  });

  test('a whole stream that was dropped leaves gaps; and when they were closed, shows by the heads, and by nothing else', async () => {
    const { stream } = victim();
    const first = log.find((event) => event.stream === stream)!;
    await sql(`delete from event_log.events where stream = '${stream}'`);
    expect((await faults([]))[0]).toBe(`position ${first.position}: there is no event: dropped`);
    await sql('truncate event_log.events', 'insert into event_log.events table event_log.kept');
    await drop(`stream = '${stream}'`);
    expect(await faults([])).toEqual([]);
    expect((await faults())[0]).toMatch(
      /^from the beginning of the log up to position \d+: (\d+|one) events? fewer: dropped|^after position 100 up to/,
    );
  });

  test('an end that was cut off shows as far as it was signed', async () => {
    await sql('delete from event_log.events where position > 300');
    expect(await faults()).toEqual([]);
    await sql('delete from event_log.events where position > 250');
    expect(await faults()).toEqual([
      expect.stringMatching(/^after position 200: the log ends before what was signed, event 300 of the log/),
    ]);
    expect(await faults([])).toEqual([]);
  });

  test('an event that was put out of the sight of its stream shows', async () => {
    const { position, stream } = victim();
    await sql(`update event_log.events set origin = -1 where position = ${position}`);
    expect(await findMisfiled(pool, 1_000n)).toMatchObject({ position, stream });
  });
});

describe('npm run verify', () => {
  /** The tool, in a build without the check that chains hold. */
  async function weakened(): Promise<Outcome> {
    await writeFile(join(directory.path, 'without'), 'chains are computed anew');
    const script = join(import.meta.dirname, '..', 'support', 'weakened-service.ts');
    const env = { PATH: process.env.PATH, ENVIRONMENT: 'test', ...keys, ...environment() };
    const child = spawn(process.execPath, [script], { env: { ...env, WEAKENED: 'tools/verify.ts' }, stdio: ['ignore', 'pipe', 'pipe'] });
    const [[code], stdout, stderr] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr };
  }

  test('says that all is well, how fast it was, and what has no protection yet', async () => {
    const { code, stdout, stderr } = await runTool('verify', [], environment());
    expect({ code, stdout, stderr }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('330 events of 40 streams in PostgreSQL were verified'),
    });
    expect(stdout).toMatch(
      /\d+ events\/s\n3 signed heads, the last of 20\S+ with 300 events: the 30 events after it have no protection yet\n/,
    );
  });

  test('ends with 1 and the position of what was changed; without the check of the chain, nobody notices what no head speaks for', async () => {
    await flip('data', 320n);
    const { code, stdout, stderr } = await runTool('verify', [], environment());
    const what = `position 320: ${nameOf(at(320))}: is not what was written`;
    expect({ code, stdout, stderr }).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(what),
      stderr: expect.stringContaining(what),
    });
    expect(await weakened()).toMatchObject({ code: 0, stdout: expect.stringContaining('All events are there') });
  });

  test('finds a forged file of heads; reads one that was kept elsewhere; prints the key that verifies it', async () => {
    const kept = join(directory.path, 'kept.ndjson');
    const forged = join(directory.path, 'forged.ndjson');
    const lines = (await readFile(file, 'utf8')).split('\n');
    await writeFile(kept, lines.join('\n'));
    await writeFile(forged, [lines[0], lines[2], ''].join('\n'));
    const [found, elsewhere, printed] = await Promise.all([
      runTool('verify', ['--heads', forged], environment()),
      runTool('verify', ['--heads', kept], { ...environment(), SIGNING_KEY: 'another key of the tests, long enough' }),
      runTool('verify', ['--public-key'], environment()),
    ]);
    expect(found).toMatchObject({ code: 1, stdout: expect.stringContaining('forged.ndjson: line 2 does not follow the line before it') });
    expect(elsewhere).toMatchObject({ code: 1, stdout: expect.stringContaining('line 1 is signed by another key') });
    await writeFile(join(directory.path, 'public.pem'), printed.stdout);
    const withKey = await runTool('verify', ['--heads', kept, '--key', 'public.pem'], {
      ...environment(),
      SIGNING_KEY: 'another key of the tests, long enough',
    });
    expect(withKey).toMatchObject({ code: 0, stdout: expect.stringContaining('3 signed heads') });
  });
});

withEventStoreDb(() => {
  describe('of a log that has moved to EventStoreDB', () => {
    let server: EventStored;
    beforeAll(async () => {
      server = await startEventStored();
    });
    afterAll(() => server?.stop());

    test('all is well, and the heads that were signed before speak for it', async () => {
      const moved = await runTool('migrate-store', ['--from', 'postgres', '--to', server.url()], environment());
      expect(moved).toMatchObject({ code: 0 });
      const { code, stdout } = await runTool('verify', [], { ...environment(), EVENTSTORE_URL: server.url() });
      expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('330 events of 40 streams in EventStoreDB') });
      expect(stdout).toContain('with 300 events: the 30 events after it');
    });
  });
});
