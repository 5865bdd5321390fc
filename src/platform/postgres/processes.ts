import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export type RunningProcess = { readonly pid: number; readonly command: string };

/** Every process that can be seen from here, with its command line or the title it gave itself. */
export async function runningProcesses(): Promise<RunningProcess[]> {
  if (process.platform !== 'linux') return listedByPs();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = await Promise.all(pids.map(async (pid) => ({ pid, command: await commandOf(pid) })));
  return all.filter(({ command }) => command !== '');
}

/** The command line of a process; empty when it is gone, and for a zombie, which is as good as gone. */
export async function commandOf(pid: number): Promise<string> {
  if (process.platform !== 'linux') return (await listedByPs()).find((each) => each.pid === pid)?.command ?? '';
  const raw = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return raw.replaceAll('\0', ' ').trim();
}

async function listedByPs(): Promise<RunningProcess[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,stat=,command='], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, state, command] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return pid && command && !state?.startsWith('Z') ? [{ pid: Number(pid), command: command.trim() }] : [];
  });
}

/** Whether any process, of whatever user, has this id now. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Sends a signal; a process that is already gone is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Asks again every 20 ms until the condition holds (true) or the time, in milliseconds, is over (false). */
export async function becomesTrue(condition: () => Promise<boolean>, within: number): Promise<boolean> {
  const end = performance.now() + within;
  while (!(await condition())) {
    if (performance.now() > end) return false;
    await sleep(20);
  }
  return true;
}

/** A signal, and how long (milliseconds) to wait for its effect before the next. */
export type SignalStep = readonly [signal: NodeJS.Signals, within: number];

/** Sends one signal after another until the process has ended; false when it outlived them all. */
export async function endBySignals(
  send: (signal: NodeJS.Signals) => void,
  ended: () => Promise<boolean>,
  steps: readonly SignalStep[],
): Promise<boolean> {
  for (const [signal, within] of steps) {
    send(signal);
    if (await becomesTrue(ended, within)) return true;
  }
  return false;
}
