import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { headsFileIn, readLines } from '../../src/events/integrity/heads-file.ts';
import { readHeads } from '../../src/events/integrity/read-heads.ts';
import { signingKey } from '../../src/events/integrity/signing-key.ts';
import type { EventStore } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { createLog } from '../../src/platform/logging.ts';
import { type HeadSigning, type Rhythm, startHeadSigning } from '../../src/subscribers/sign-heads.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { fillLog } from '../tools/history.ts';
import { dataDirectory } from '../tools/run-tool.ts';

const key = signingKey('SIGNING_KEY of the tests, long enough');
const keys = new Map([[key.id, key.publicKey]]);
const EVENTS = 25;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let pool: pg.Pool;
let store: EventStore;
let directory: ReturnType<typeof dataDirectory>;
let file: string;
let logged: string[];
const running: HeadSigning[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await fillLog(database.connectionString, { tasks: 5, events: EVENTS });
  pool = new pg.Pool({ connectionString: database.connectionString, max: 2 });
  store = await createPostgresEventStore({ connectionString: database.connectionString, pool, log: () => {} });
});
afterAll(async () => {
  await store?.close();
  await pool?.end();
  await database?.drop();
});
beforeEach(() => {
  directory = dataDirectory();
  file = headsFileIn(directory.path);
  logged = [];
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((signing) => signing.close()));
  await directory.remove();
});

function sign(rhythm: Partial<Rhythm> = {}, { by = key, on = store } = {}): HeadSigning {
  const log = createLog({ level: 'info', format: 'json' }, { write: (line) => void logged.push(line) });
  const signing = startHeadSigning({ store: on, file, key: by, log, rhythm: { events: 10, milliseconds: 3_600_000, pace: 0, ...rhythm } });
  running.push(signing);
  return signing;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await condition()); await pause(5)) {
    if (Date.now() > deadline) throw new Error(`it did not come to that: ${condition}`);
  }
}
const signed = async () => readHeads(await readLines(file), store.logId, keys).heads.map(({ events }) => events);
const append = () =>
  store.append({
    stream: `task-${crypto.randomUUID()}`,
    expectedRevision: 'no_stream',
    events: [{ id: crypto.randomUUID(), type: 'TaskCreated', metadata: Buffer.from('{}'), data: Buffer.from('{}') }],
  });

describe('signing the heads of the log', () => {
  test('is done after so many events, and at the end; then from there on, in heads that follow each other', async () => {
    const first = sign();
    await until(() => (first.status().last?.events ?? 0) >= 20);
    await first.close();
    expect(await signed()).toEqual([10, 20, EVENTS]);
    const { position, hash } = first.status().last!;
    expect({ position, hash }).toEqual({ position: String(EVENTS), hash: expect.stringMatching(/^[\da-f]{64}$/) });

    const before = await readFile(file, 'utf8');
    const second = sign();
    await until(() => second.status().last !== null);
    await second.close();
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  test('is done at once where there was no head, then when the time has come and something has', async () => {
    const signing = sign({ events: 1_000, milliseconds: 200 });
    await until(async () => (await signed()).length === 1);
    const began = await readLines(file);
    await pause(300);
    expect(await readLines(file)).toEqual(began);
    await append();
    await until(async () => (await signed()).length === 2);
    expect(signing.status()).toMatchObject({ error: null, last: { events: (await signed()).at(-1) } });
  });

  test('takes away a line that a crash has cut off, and goes on', async () => {
    const first = sign();
    await until(() => (first.status().last?.events ?? 0) >= 20);
    await first.close();
    const whole = await signed();
    await appendFile(file, (await readLines(file))[0]!.slice(0, 100));
    expect(await signed()).toEqual(whole);
    const second = sign({ milliseconds: 0 });
    await until(() => second.status().last !== null);
    await append();
    await until(async () => (await signed()).length === whole.length + 1);
  });

  test('is one process’s part at a time', async () => {
    const first = sign();
    await until(() => first.status().last !== null);
    const second = sign();
    await until(() => second.status().error !== null);
    expect(second.status().error).toBe('another process signs in this file');
    await first.close();
    await until(() => second.status().error === null);
    expect(second.status().last).toEqual(first.status().last);
  });

  test('does not go on where the log does not hold what was signed, or is another one, and says so once', async () => {
    const first = sign();
    await until(() => (first.status().last?.events ?? 0) >= 20);
    await first.close();
    const { stream, position } = first.status().last!;
    const before = await readFile(file, 'utf8');
    await pool.query('create table event_log.kept as table event_log.events');
    await pool.query('delete from event_log.events where position = $1', [position]);
    const onCut = sign();
    await until(() => onCut.status().error !== null);
    expect(onCut.status().error).toContain(`of ${stream}, was signed at`);
    await onCut.close();
    await pool.query('truncate event_log.events; insert into event_log.events table event_log.kept');
    await pool.query('update event_log.log set log_id = gen_random_uuid()');
    const other = await createPostgresEventStore({ connectionString: database.connectionString, pool, log: () => {} });
    const onOther = sign({}, { on: other });
    await until(() => onOther.status().error !== null);
    expect(onOther.status().error).toContain('is of another log');
    await onOther.close();
    await other.close();
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(logged.filter((line) => line.includes('"error"'))).toHaveLength(2);
  });

  test('with another key goes on, and says so', async () => {
    const first = sign();
    await until(() => (first.status().last?.events ?? 0) >= 20);
    await first.close();
    await append();
    const other = signingKey('another key of the tests, long enough');
    const second = sign({ milliseconds: 0 }, { by: other });
    await until(() => second.status().last?.key_id === other.id);
    expect(logged.join()).toContain('SIGNING_KEY has changed');
    const lines = await readLines(file);
    expect(readHeads(lines, store.logId, new Map([...keys, [other.id, other.publicKey]]))).toMatchObject({ fault: null });
  });

  test('that cannot write tells, and goes on when it can', async () => {
    await writeFile(`${file}.lock`, '');
    const signing = sign();
    await until(() => signing.status().error !== null);
    expect(logged.join()).toContain('heads of the log are not signed');
    await rm(`${file}.lock`);
    await until(() => signing.status().last !== null);
  });
});
