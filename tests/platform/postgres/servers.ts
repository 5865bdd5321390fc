import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import pg from 'pg';
import { clusterName } from '../../../src/platform/postgres/cluster.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/platform/postgres/embedded.ts';
import { type RunningProcess, runningProcesses, signalProcess } from '../../../src/platform/postgres/processes.ts';

/** Nothing in these tests cuts the power, so nothing need be flushed. */
export const quick = { fsync: 'off', full_page_writes: 'off', shared_buffers: '16MB' };

export type Owner = {
  readonly process: ChildProcess;
  readonly answer: { connectionString: string; pid: number; error?: string };
  stop(): Promise<void>;
};

/** Servers and directories of one test file; whatever a test leaves is stopped and deleted after it. */
export function servers() {
  const directories: string[] = [];
  const running: { stop(): Promise<void> }[] = [];
  let used = '';

  async function emptyDirectory(): Promise<string> {
    const parent = await mkdtemp(join(await realpath(tmpdir()), 'tasktrail-embedded-'));
    await chmod(parent, 0o755);
    directories.push(parent);
    return parent;
  }

  /** Starts a server in this process; `lines` collects its log. */
  async function start(directory: string, settings: Record<string, string> = quick): Promise<EmbeddedPostgres & { lines: string[] }> {
    const lines: string[] = [];
    const server = await startEmbeddedPostgres({ directory, settings, log: (line) => lines.push(line) });
    running.push(server);
    return Object.defineProperty(server as EmbeddedPostgres & { lines: string[] }, 'lines', { value: lines });
  }

  /** Starts a process that starts a server, as another user if told so. */
  async function startOwner(directory: string, as: { uid?: number; gid?: number } = {}): Promise<Owner> {
    const script = join(import.meta.dirname, 'owner.ts');
    const child = spawn(process.execPath, [script, directory, JSON.stringify(quick)], {
      ...as,
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const stop = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.stdin.end();
      await once(child, 'exit');
    };
    running.push({ stop });
    const [line] = await once(child.stdout, 'data');
    return { process: child, stop, answer: JSON.parse(String(line)) };
  }

  /** The file's one directory with a cluster that has been started and stopped before; to make one for each test takes too long. */
  function usedDirectory(): string {
    return used;
  }

  beforeAll(async () => {
    used = join(await mkdtemp(join(await realpath(tmpdir()), 'tasktrail-embedded-')), 'postgres');
    await chmod(join(used, '..'), 0o755);
    await (await startEmbeddedPostgres({ directory: used, settings: quick, log: () => {} })).stop();
  }, 30_000);
  afterEach(async () => {
    await Promise.allSettled(running.splice(0).map((each) => each.stop()));
    for (const directory of [used, ...directories.flatMap((parent) => [parent, join(parent, 'postgres')])])
      for (const { pid } of await processesOf(directory)) signalProcess(pid, 'SIGKILL');
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }, 30_000);
  afterAll(() => rm(join(used, '..'), { recursive: true, force: true, maxRetries: 5 }));

  return { emptyDirectory, usedDirectory, start, startOwner };
}

/** The processes of a directory's server, which carry the name of its cluster. */
export async function processesOf(directory: string): Promise<RunningProcess[]> {
  const name = await clusterName(join(directory, 'cluster')).catch(() => undefined);
  return name ? (await runningProcesses()).filter(({ command }) => command.includes(name)) : [];
}

/** One statement on a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(connectionString: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
