import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Lets the keeper go, and waits until server and data are gone with it. */
export default async function globalTeardown(): Promise<void> {
  const { postgresKeeper: keeper } = globalThis as { postgresKeeper?: ChildProcess };
  if (!keeper || keeper.exitCode !== null) return;
  const exited = once(keeper, 'exit', { signal: AbortSignal.timeout(20_000) });
  keeper.stdin?.end();
  await exited;
}
