import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** Whether an EventStoreDB server can be started here. */
export const canStartEventStored = (process.env.PATH ?? '')
  .split(delimiter)
  .some((directory) => isExecutable(join(directory, 'eventstored')));

/** A server of this test's own, on 127.0.0.1 and on disk. */
export interface EventStored {
  readonly port: number;
  /** Its connection string; by way of another port when one is given. */
  url(port?: number): string;
  /** SIGKILL, and a new start on the same port and data; fulfilled when that answers. */
  restart(downFor?: number): Promise<void>;
  /** SIGKILL, whatever is done to its data, and a new start on them. */
  withStopped(change: (directory: string) => Promise<void>): Promise<void>;
  kill(): void;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

const READY_WITHIN = 30_000;

export interface EventStoredOptions {
  /** Whether what it acknowledges is flushed to the disk; a killed process loses nothing either way. */
  durable?: boolean;
  /** Options of the server, beside those of these tests. */
  options?: string[];
}

export async function startEventStored({ durable = false, options = [] }: EventStoredOptions = {}): Promise<EventStored> {
  const directory = await mkdtemp(join(await realpath(tmpdir()), 'tasktrail-eventstored-'));
  const port = await freePort();
  const start = () => launch(['--insecure', '--db', directory, '--node-port', String(port), ...options], durable);
  let server = await start();
  await answers(port);
  return {
    port,
    url: (via = port) => `esdb://127.0.0.1:${via}?tls=false`,
    async restart(downFor = 0) {
      await server.kill();
      await sleep(downFor);
      server = await start();
      await answers(port);
    },
    async withStopped(change) {
      await server.kill();
      await change(directory);
      server = await start();
      await answers(port);
    },
    kill: () => void server.kill(),
    freeze: () => void process.kill(server.pid, 'SIGSTOP'),
    thaw: () => void process.kill(server.pid, 'SIGCONT'),
    async stop() {
      await server.kill();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/**
 * The server lives no longer than the pipe to the shell that started it: when this process ends, however it does, the kernel closes the
 * pipe and the shell kills the server.
 */
export async function launch(options: string[], durable: boolean): Promise<{ pid: number; kill(): Promise<void> }> {
  const script = 'eventstored "$@" </dev/null >/dev/null 2>&1 & echo $!; cat; kill -9 $!; wait';
  const environment = {
    ...process.env,
    EVENTSTORE_TELEMETRY_OPTOUT: 'true',
    EVENTSTORE_NODE_IP: '127.0.0.1',
    // Sized for the machine otherwise.
    EVENTSTORE_STREAM_INFO_CACHE_CAPACITY: '100000',
    EVENTSTORE_CHUNKS_CACHE_SIZE: '268435712',
    ...(!durable && { EVENTSTORE_UNSAFE_DISABLE_FLUSH_TO_DISK: 'true' }),
  };
  const shell = spawn('sh', ['-c', script, 'sh', ...options], { stdio: ['pipe', 'pipe', 'ignore'], env: environment });
  const exited = once(shell, 'exit');
  const [pid] = await once(shell.stdout, 'data');
  return {
    pid: Number(String(pid)),
    async kill() {
      shell.stdin.end();
      await exited;
    },
  };
}

async function answers(port: number): Promise<void> {
  for (const giveUpAt = performance.now() + READY_WITHIN; ; await sleep(50)) {
    const response = await fetch(`http://127.0.0.1:${port}/health/live`).catch(() => undefined);
    if (response?.status === 204) return;
    if (performance.now() > giveUpAt) throw new Error('EventStoreDB did not start');
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
