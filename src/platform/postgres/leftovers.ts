import { rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { clusterName, type PostmasterFile, readPostmasterFile } from './cluster.ts';
import { DirectoryInUse } from './directory-lock.ts';
import { becomesTrue, commandOf, endBySignals, isAlive, runningProcesses, type SignalStep, signalProcess } from './processes.ts';

/**
 * Ends what an earlier run left running on the cluster, so that a new server can start on it: a server whose service was killed, the
 * backends of a server that was killed. To be called with the directory locked. Throws when another server works on the cluster that
 * is none of ours to end.
 */
export async function endLeftovers(cluster: string, socketDirectory: string, log: (line: string) => void): Promise<void> {
  const file = await readPostmasterFile(cluster);
  if (file && (await isServerOf(cluster, file))) {
    log(`stopping the PostgreSQL server (pid ${file.pid}) that an earlier run left behind`);
    await endServer(cluster, file);
  } else if (await answers(join(socketDirectory, '.s.PGSQL.5432'))) {
    throw new DirectoryInUse(cluster, 'a PostgreSQL server that cannot be seen from here (of another container?)');
  }
  await endBackends(cluster, log);
  if (file && isAlive(file.pid)) await forgetReusedPid(cluster, socketDirectory);
}

/**
 * Whether the process of postmaster.pid is the server of this very directory, and not a stranger who was given the number since, nor
 * the server of a directory that this one was copied from. The working directory tells; where it may not be read, the -D argument.
 */
async function isServerOf(cluster: string, { pid, dataDirectory }: PostmasterFile): Promise<boolean> {
  const command = await commandOf(pid);
  if (basename(command.split(' -D ')[0] ?? '') !== 'postgres') return false;
  const [own, theirs] = await Promise.all([
    stat(cluster),
    stat(`/proc/${pid}/cwd`).catch(() =>
      command.includes(` -D ${dataDirectory} `) ? stat(dataDirectory).catch(() => undefined) : undefined,
    ),
  ]);
  return theirs !== undefined && theirs.dev === own.dev && theirs.ino === own.ino;
}

// Fast shutdown first, which keeps the next start free of recovery; then immediate, then the kernel's.
const patience: readonly SignalStep[] = [
  ['SIGINT', 10_000],
  ['SIGQUIT', 3_000],
  ['SIGKILL', 3_000],
];

async function endServer(cluster: string, file: PostmasterFile): Promise<void> {
  const ended = await endBySignals(
    (signal) => signalProcess(file.pid, signal),
    async () => !(await isServerOf(cluster, file)),
    patience,
  );
  if (!ended) throw new DirectoryInUse(cluster, `a PostgreSQL server that does not stop (pid ${file.pid})`);
}

/**
 * Backends notice by themselves that their postmaster died, except in the midst of a long computation; while one is left, its shared
 * memory keeps a new server from starting.
 */
async function endBackends(cluster: string, log: (line: string) => void): Promise<void> {
  const title = `postgres: ${await clusterName(cluster)}: `;
  const left = async () => (await runningProcesses()).filter(({ command }) => command.startsWith(title));
  if (await becomesTrue(async () => (await left()).length === 0, 2_000)) return;
  const stubborn = await left();
  log(`killing ${stubborn.length} PostgreSQL backends that outlived their server: ${stubborn.map(({ pid }) => pid).join(', ')}`);
  for (const { pid } of stubborn) signalProcess(pid, 'SIGKILL');
  if (await becomesTrue(async () => (await left()).length === 0, 3_000)) return;
  throw new DirectoryInUse(cluster, 'PostgreSQL backends that do not end');
}

/** PostgreSQL takes any live process with the number in its files for a rival, and would not start. */
async function forgetReusedPid(cluster: string, socketDirectory: string): Promise<void> {
  await rm(join(cluster, 'postmaster.pid'), { force: true });
  await rm(join(socketDirectory, '.s.PGSQL.5432.lock'), { force: true });
}

/** Whether somebody accepts connections on a socket's path: also from another container on the same volume. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1_000, () => end(true));
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'EAGAIN'));
  });
}
