import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { endWithThisProcess } from '../../tests/support/service-process.ts';
import type { Stage } from './benchmark.ts';

export interface ServerProcess {
  port: number;
  child: ChildProcess;
}

const startsWithinMs = 60_000;
const stopsWithinMs = 20_000;

/** Starts a script that prints a line with `"port":<n>` or `port <n>` once it listens; it ends with the benchmark. */
export async function startServer(
  { closing }: Pick<Stage, 'closing'>,
  script: string,
  environment: Record<string, string>,
  nodeOptions: readonly string[] = [],
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [...nodeOptions, script], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    cwd: environment.DATA_DIR,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Ctrl-C is for the benchmark, which then ends it.
    detached: true,
  });
  const exit = once(child, 'exit');
  endWithThisProcess(child);
  closing.add(script, async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), stopsWithinMs);
    await exit;
    clearTimeout(late);
  });
  return { port: await portOf(child, script, exit), child };
}

async function portOf(child: ChildProcess, script: string, exit: Promise<unknown[]>): Promise<number> {
  const lines = createInterface(child.stdout!);
  try {
    return await new Promise<number>((resolve, reject) => {
      exit.then(([code]) => reject(new Error(`${script} ended with ${code}`)));
      setTimeout(() => reject(new Error(`${script} did not listen in time`)), startsWithinMs).unref();
      lines.on('line', (line) => {
        const found = /"port":(\d+)|^port (\d+)$/.exec(line);
        if (found) resolve(Number(found[1] ?? found[2]));
      });
    });
  } finally {
    lines.close();
    // The log is still read, and no longer looked at: to look costs the machine what it is to measure.
    child.stdout!.removeAllListeners('data').on('data', () => {});
    child.stdout!.resume();
  }
}

/** Processor time that a process has used so far, in microseconds; not a number where the machine does not tell. */
export function cpuTime(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return Number.NaN;
  }
}
