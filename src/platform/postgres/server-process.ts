import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterName, readPostmasterFile } from './cluster.ts';
import { endWithParent } from './end-with-parent.ts';
import { becomesTrue, endBySignals, type SignalStep } from './processes.ts';
import type { Launch } from './run-as.ts';

export type ServerExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** One run of the PostgreSQL server, ready for connections. */
export type ServerProcess = { readonly pid: number; readonly exited: Promise<ServerExit>; stop(): Promise<void> };

export type ServerOptions = {
  readonly launch: Launch;
  readonly postgres: string;
  readonly cluster: string;
  readonly socketDirectory: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
};

/** Recovery after a crash replays at most a few gigabytes of log; a server that is not ready by then (milliseconds) never will be. */
const READY_WITHIN = 300_000;

/** Starts the server and waits until it accepts connections. Throws with the server's own last words when it does not come up. */
export async function startServer(options: ServerOptions, signal: AbortSignal): Promise<ServerProcess> {
  const server = spawnServer(options, await settingsOf(options));
  const decided = async () => server.hasEnded() || signal.aborted || (await isReady(options.cluster, server.pid));
  const inTime = await becomesTrue(decided, READY_WITHIN);
  if (inTime && !server.hasEnded() && !signal.aborted) return server;
  await server.stop();
  signal.throwIfAborted();
  throw new Error(`PostgreSQL did not start on ${options.cluster}: ${(await server.lastWords()) || 'it was not ready in time'}`);
}

type Spawned = ServerProcess & { hasEnded(): boolean; lastWords(): Promise<string> };

function spawnServer({ launch, postgres, cluster, log }: ServerOptions, settings: Record<string, string>): Spawned {
  const args = ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  // A session of its own (detached), so that Ctrl-C at the terminal reaches the service alone, which then stops the server in order.
  const child = launch(postgres, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  const lastWords = follow(child, log);
  if (child.pid !== undefined) child.once('exit', endWithParent(child.pid, launch));
  const exited = new Promise<ServerExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
  });
  const hasEnded = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    await endBySignals(
      (signal) => child.kill(signal),
      async () => hasEnded(),
      stopSteps,
    );
  };
  return { pid: child.pid ?? 0, exited, stop, hasEnded, lastWords };
}

/** Hands on what the server says; answers what it said last that was no mere notice, once its end is read or half a second is over. */
function follow(child: ChildProcess, log: (line: string) => void): () => Promise<string> {
  let last = '';
  child.once('error', (error) => {
    last = error.message;
  });
  if (!child.stderr) return async () => last;
  const lines = createInterface(child.stderr).on('line', (line) => {
    if (!line.startsWith('LOG:')) last = line;
    log(`postgres: ${line}`);
  });
  const ended = once(lines, 'close');
  return async () => {
    await Promise.race([ended, sleep(500)]);
    return last;
  };
}

async function isReady(cluster: string, pid: number): Promise<boolean> {
  const file = await readPostmasterFile(cluster);
  return file?.pid === pid && file.ready;
}

async function settingsOf({ cluster, socketDirectory, settings }: ServerOptions): Promise<Record<string, string>> {
  // By these the server is found; nobody may set them otherwise.
  const identity = {
    port: '5432',
    cluster_name: await clusterName(cluster),
    unix_socket_directories: `"${socketDirectory.replaceAll('"', '""')}"`,
  };
  return { ...defaults, ...settings, ...identity };
}

const defaults = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '100',
  shared_buffers: '256MB',
  max_logical_replication_workers: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '',
  log_checkpoints: 'off',
  // Errors of statements go to the client that caused them; here they would only spill what was in the statement.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
};

/** Fast shutdown, then immediate, then the kernel's: a service that is told to go has ten seconds, and recovery is safe after all three. */
const stopSteps: readonly SignalStep[] = [
  ['SIGINT', 5_000],
  ['SIGQUIT', 2_000],
  ['SIGKILL', 2_000],
];
