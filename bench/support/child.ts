import { fork } from 'node:child_process';
import { once } from 'node:events';
import { endWithThisProcess } from '../../tests/support/service-process.ts';
import type { Stage } from './benchmark.ts';

/** Runs a script in a process of its own until it says its one result, and ends with the benchmark. */
export async function resultOf<T>({ closing }: Pick<Stage, 'closing'>, script: string, environment: Record<string, string>): Promise<T> {
  const child = fork(script, { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment }, detached: true });
  endWithThisProcess(child);
  closing.add(script, async () => void child.kill('SIGKILL'));
  const exit = once(child, 'exit');
  const early = exit.then(([code]) => {
    throw new Error(`${script} ended with ${code}`);
  });
  early.catch(() => {});
  const [result] = await Promise.race([once(child, 'message'), early]);
  await exit;
  return result as T;
}
