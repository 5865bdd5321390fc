import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Load, LoadResult } from './load-generator.ts';

/** Puts a load on a server of this machine, from a process of its own. */
export async function load(wanted: Load): Promise<LoadResult> {
  const generator = fork(join(import.meta.dirname, 'load-generator.ts'));
  generator.send(wanted);
  const [result] = await once(generator, 'message');
  return result as LoadResult;
}

export interface ServerProcess {
  port: number;
  child: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a script that prints a line with `"port":<n>` or `port <n>` once it listens. */
export async function startServer(
  script: string,
  environment: Record<string, string>,
  nodeOptions: readonly string[] = [],
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [...nodeOptions, script], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const port = await new Promise<number>((resolve, reject) => {
    exit.then(([code]) => reject(new Error(`${script} ended with ${code}`)));
    createInterface(child.stdout!).on('line', (line) => {
      const found = /"port":(\d+)|^port (\d+)$/.exec(line);
      if (found) resolve(Number(found[1] ?? found[2]));
    });
  });
  return {
    port,
    child,
    async stop() {
      child.kill('SIGTERM');
      await exit;
    },
  };
}

/** Processor time that a process has used so far, in microseconds; undefined where the machine does not tell. */
export function cpuTime(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return undefined;
  }
}

export interface Ratio {
  median: number;
  min: number;
  max: number;
  /** (max − min) / median of the baseline's own figures: above a quarter, the run says nothing. */
  baselineSpread: number;
}

/** Subject and baseline in turn, the first pair dropped: the ratio of each pair. */
export async function paired(rounds: number, subject: () => Promise<number>, baseline: () => Promise<number>): Promise<Ratio> {
  const pairs: [number, number][] = [];
  for (let round = 0; round <= rounds; round++) {
    const pair: [number, number] = [await subject(), await baseline()];
    if (round > 0) pairs.push(pair);
  }
  const ratios = pairs.map(([a, b]) => a / b).sort((a, b) => a - b);
  const baselines = pairs.map(([, b]) => b).sort((a, b) => a - b);
  return {
    median: middle(ratios),
    min: ratios[0]!,
    max: ratios.at(-1)!,
    baselineSpread: (baselines.at(-1)! - baselines[0]!) / middle(baselines),
  };
}

export function describeRatio({ median, min, max, baselineSpread }: Ratio): string {
  return `${median.toFixed(2)} × (${min.toFixed(2)} to ${max.toFixed(2)}; the baseline spreads by ${(baselineSpread * 100).toFixed(0)} %)`;
}

function middle(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)]!;
}
