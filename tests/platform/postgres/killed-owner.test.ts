import { spawnSync } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { becomesTrue, isAlive, runningProcesses } from '../../../src/platform/postgres/processes.ts';
import { processesOf, query, servers } from './servers.ts';

const { emptyDirectory, usedDirectory, start, startOwner } = servers();

const nobody = { uid: 65534, gid: 65534 };
const isRoot = process.getuid?.() === 0;
const isReadable = isRoot && spawnSync('cat', [join(import.meta.dirname, 'owner.ts')], { ...nobody, stdio: 'ignore' }).status === 0;

/** Longer than the five seconds after which the server is no longer asked to end in order. */
const ENDS_WITHIN_MS = 15_000;

const watches = async (pid: number) =>
  (await runningProcesses()).filter(({ command }) => command.includes('kill -QUIT') && command.endsWith(` ${pid}`));

// The whole process group is killed, as a terminal or a supervisor does it: the server is in a group of its own.
test.each([{ who: isRoot ? 'root' : 'this user', as: {} }, ...(isReadable ? [{ who: 'a normal user', as: nobody }] : [])])(
  'the server of $who ends by itself when its service is killed, and its data is there at the next start',
  async ({ as }) => {
    const parent = await emptyDirectory();
    if ('uid' in as) await chown(parent, as.uid, as.gid);
    const directory = join(parent, 'postgres');
    const owner = await startOwner(directory, as);
    await query(owner.answer.connectionString, 'create table kept as select 42 as answer');
    const { pid } = owner.answer;
    expect(await watches(pid)).toHaveLength(1);
    process.kill(-owner.process.pid!, 'SIGKILL');
    expect(await becomesTrue(async () => (await processesOf(directory)).length === 0, ENDS_WITHIN_MS)).toBe(true);
    expect(await becomesTrue(async () => (await watches(pid)).length === 0, ENDS_WITHIN_MS)).toBe(true);
    const server = await start(directory);
    expect(server.lines.join()).not.toContain('left behind');
    expect(await query(server.connectionString, 'table kept')).toEqual([{ answer: 42 }]);
  },
  60_000,
);

test('a server that is stopped leaves no watch behind', async () => {
  const server = await start(usedDirectory());
  const { pid } = server;
  expect(await watches(pid)).toHaveLength(1);
  await server.stop();
  expect(await becomesTrue(async () => (await watches(pid)).length === 0, ENDS_WITHIN_MS)).toBe(true);
});

test('a server that outlives its service and its watch is replaced by the next start with the data', async () => {
  const directory = usedDirectory();
  const owner = await startOwner(directory);
  const { pid, connectionString } = owner.answer;
  await query(connectionString, 'drop table if exists kept; create table kept as select 42 as answer');
  for (const watch of await watches(pid)) process.kill(watch.pid, 'SIGKILL');
  process.kill(-owner.process.pid!, 'SIGKILL');
  expect(isAlive(pid)).toBe(true);
  const server = await start(directory);
  expect(server.lines).toContain(`stopping the PostgreSQL server (pid ${pid}) that an earlier run left behind`);
  expect((await processesOf(directory)).filter((running) => running.pid === pid)).toEqual([]);
  expect(await query(server.connectionString, 'table kept')).toEqual([{ answer: 42 }]);
});
