import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Stage } from './benchmark.ts';
import type { Load, LoadResult } from './load-generator.ts';
import type { MixLoad, MixResult } from './mix-generator.ts';
import { cpuTime, type ServerProcess } from './server-process.ts';

export type { Load, LoadResult } from './load-generator.ts';

/** Puts a load on a server of this machine, from a process of its own, which ends with it. */
export function load(stage: Pick<Stage, 'closing'>, wanted: Load): Promise<LoadResult> {
  return generate(stage, 'load-generator.ts', wanted);
}

/** The same with the work of `npm run load`. */
export function loadMix(stage: Pick<Stage, 'closing'>, wanted: MixLoad): Promise<MixResult> {
  return generate(stage, 'mix-generator.ts', wanted);
}

async function generate<T>({ closing }: Pick<Stage, 'closing'>, script: string, wanted: Load | MixLoad): Promise<T> {
  const generator = fork(join(import.meta.dirname, script), { detached: true, serialization: 'advanced' });
  closing.add('load generator', async () => void generator.kill('SIGKILL'));
  const ended = once(generator, 'exit').then(([code]) => {
    throw new Error(`the load generator ended with ${code}`);
  });
  ended.catch(() => {});
  generator.send(wanted);
  const [result] = await Promise.race([once(generator, 'message'), ended]);
  return result as T;
}

/** The same, saying what came of it, and refusing an answer that was not meant. @throws Error when one in a thousand is no success */
export async function measured(stage: Stage, name: string, server: ServerProcess, wanted: Omit<Load, 'port'>): Promise<LoadResult> {
  const before = cpuTime(server.child.pid!);
  const result = await load(stage, { ...wanted, port: server.port });
  const each = ((cpuTime(server.child.pid!) - before) / result.count).toFixed(0);
  const times = [result.p50, result.p99].map((value) => value.toFixed(2)).join(' ms, p99 ');
  stage.say(`  ${name.padEnd(12)} ${Math.round(result.rate)}/s, p50 ${times} ms, ${each} µs of its process each`);
  const bad = Object.entries(result.statuses).filter(([status]) => Number(status) >= 300);
  if (bad.reduce((sum, [, count]) => sum + count, 0) > result.count / 1000) {
    throw new Error(`${name} answered ${JSON.stringify(result.statuses)}: ${result.failure}`);
  }
  return result;
}
