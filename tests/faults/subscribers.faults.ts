import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BEGINNING } from '../../src/events/store/event-store.ts';
import { openLog, until } from '../subscribers/engine/follow-log.ts';

let log: Awaited<ReturnType<typeof openLog>>;
let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  log = await openLog();
  await log.pool.query('create table written (place text, by integer)');
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-subscribers-'));
  await without();
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    child.kill('SIGCONT');
  }
  await log.close();
  await rm(directory, { recursive: true, force: true });
});

const without = (...names: string[]) => writeFile(join(directory, 'without'), names.join('\n'));

/** In the build in which defences can be taken away. */
function start(environment: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'support', 'weakened-service.ts')], {
    env: {
      PATH: process.env.PATH,
      DATA_DIR: directory,
      DATABASE_URL: log.connectionString,
      SENT: join(directory, 'sent'),
      WEAKENED: '../tests/support/subscriber-process.ts',
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.push(child);
  return child;
}

/** Starts it again and again, until it has come to the end of the log. @returns how often it was killed */
async function startUntilDone(environment: Record<string, string>): Promise<number> {
  for (let killed = 0; ; killed++) {
    const [code] = await once(start(environment), 'exit');
    if (code === 0) return killed;
    if (killed > 60) throw new Error('it never comes to the end');
  }
}

async function write(tasks: number, renames: number): Promise<string[]> {
  const ids = await Promise.all(Array.from({ length: tasks }, () => log.create()));
  for (let n = 0; n < renames; n++) await Promise.all(ids.map((id) => log.rename(id, `${n}`)));
  return ids;
}

const all = async () =>
  (await log.store.readAll({ after: BEGINNING, limit: 100_000 })).map(({ stream, revision }) => `${stream}@${revision}`);
const sent = async () => (await readFile(join(directory, 'sent'), 'utf8')).trim().split('\n');
const written = async () => (await log.pool.query<{ place: string; by: number }>('select place, by from written')).rows;

/** Each time an event came for the first time, it came behind those before it in its stream. */
function inOrder(places: readonly string[]): boolean {
  const next = new Map<string, number>();
  return [...new Set(places)].every((place) => {
    const [stream, revision] = place.split('@') as [string, string];
    const expected = next.get(stream) ?? 0;
    next.set(stream, expected + 1);
    return Number(revision) === expected;
  });
}

describe('a subscriber whose process is killed at random', () => {
  test('is sent every event at least once and in the order of its stream, and writes the rows of each exactly once', async () => {
    await write(30, 19);
    const killed = await startUntilDone({ DIES_WITHIN: '300' });
    const events = await all();
    expect(events).toHaveLength(600);
    expect(new Set(await sent())).toEqual(new Set(events));
    expect(inOrder(await sent())).toBe(true);
    expect((await written()).map(({ place }) => place).sort()).toEqual(events.sort());
    console.log(`${events.length} events over ${killed} kills: ${(await sent()).length - events.length} were sent again`);
    expect(killed).toBeGreaterThan(1);
  });

  test('would lose events, if its checkpoint came before what it speaks for', async () => {
    await without('a checkpoint comes after what it speaks for');
    await write(30, 19);
    await startUntilDone({ DIES_WITHIN: '300' });
    expect(new Set(await sent()).size).toBeLessThan((await all()).length);
  });

  test('puts the event aside that ends it, each time, and hears of all others', async () => {
    const [first, second, third] = (await write(3, 4)) as [string, string, string];
    const killed = await startUntilDone({ DIES_AT: `task-${second}@2` });
    // Once with others beside it, and as often as a process may end of it alone.
    expect(killed).toBe(3);
    const heard = new Set(await sent());
    for (const id of [first, third]) for (let revision = 0; revision < 5; revision++) expect(heard).toContain(`task-${id}@${revision}`);
    const { rows } = await log.pool.query('select stream, revision, state, error from subscribers.dead_letters order by revision');
    expect(rows).toEqual([
      { stream: `task-${second}`, revision: 2, state: 'failed', error: 'the process ended 2 times while it was handled' },
      { stream: `task-${second}`, revision: 3, state: 'waiting', error: null },
      { stream: `task-${second}`, revision: 4, state: 'waiting', error: null },
    ]);
  });
});

describe('a subscriber whose process is frozen', () => {
  /** Freezes one in the middle of what it handles, lets another take over, and thaws it. @returns the rows, and how long it took */
  async function freezeAndThaw(): Promise<{ rows: { place: string; by: number }[]; tookOver: number; frozen: number }> {
    await write(3, 2);
    const frozen = start({ GATE: 'first' });
    await until(() => existsSync(join(directory, 'first.waits')));
    frozen.kill('SIGSTOP');
    const since = performance.now();
    const [code] = await once(start({}), 'exit');
    expect(code).toBe(0);
    const tookOver = performance.now() - since;
    await writeFile(join(directory, 'first.open'), '');
    frozen.kill('SIGCONT');
    await pause(3_000);
    return { rows: await written(), tookOver, frozen: frozen.pid! };
  }

  test('is taken over within 15 seconds, and its late write changes nothing', async () => {
    const { rows, tookOver, frozen } = await freezeAndThaw();
    expect(tookOver).toBeLessThan(15_000);
    expect(rows.map(({ place }) => place).sort()).toEqual((await all()).sort());
    expect(rows.filter(({ by }) => by === frozen)).toEqual([]);
    console.log(`taken over in ${Math.round(tookOver)} ms`);
  });

  test('would write everything twice, if nobody fenced it off', async () => {
    await without('who was taken over writes no more');
    const { rows } = await freezeAndThaw();
    expect(rows.length).toBeGreaterThan((await all()).length);
  });

  test('that is killed instead is taken over within 5 seconds', async () => {
    await write(3, 2);
    const first = start({ GATE: 'first' });
    await until(() => existsSync(join(directory, 'first.waits')));
    const second = start({});
    await pause(1_500);
    const since = performance.now();
    first.kill('SIGKILL');
    await once(second, 'exit');
    expect(performance.now() - since).toBeLessThan(5_000);
    expect((await written()).map(({ place }) => place).sort()).toEqual((await all()).sort());
  });
});
