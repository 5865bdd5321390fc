import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface ServiceProcess {
  url: string;
  child: ChildProcess;
  /** Milliseconds from the start to the line that says where it listens. */
  startedIn: number;
  /** Its log, as parsed lines. */
  log: Record<string, unknown>[];
  /** SIGSTOP, and SIGCONT. */
  freeze(): void;
  thaw(): void;
  /** Ends it, frozen or not, and waits until it is gone. @returns its exit code, null when the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** What processes of the service are given of this one's environment: nothing that configures them. */
export function inherited(): NodeJS.ProcessEnv {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE };
}

const STARTS_WITHIN = 60_000;
const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/**
 * The service as a process of its own, as `npm start` runs it; it must log what it listens on.
 * @param entry a file that starts it; another than the service's own is another release of it
 * @throws when it does not get there
 */
export async function startServiceProcess(environment: Record<string, string>, entry = main): Promise<ServiceProcess> {
  const since = performance.now();
  const child = spawn(process.execPath, [entry], {
    env: {
      ...inherited(),
      PORT: '0',
      RATE_LIMIT_PER_MINUTE: '0',
      RATE_LIMIT_USER_PER_MINUTE: '0',
      RATE_LIMIT_LOGIN_PER_MINUTE: '0',
      ...environment,
    },
    cwd: environment.DATA_DIR,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  endWithThisProcess(child);
  const log: Record<string, unknown>[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    setTimeout(() => reject(new Error('the service did not listen in time')), STARTS_WITHIN).unref();
    exit.then((code) => reject(new Error(`the service ended with ${code}: ${JSON.stringify(log.at(-1))}`)), reject);
    createInterface(child.stdout!).on('line', (line) => {
      const entry = parsed(line);
      log.push(entry);
      if (String(entry.message).startsWith('listening')) resolve(`http://127.0.0.1:${entry.port}`);
    });
  });
  return {
    url,
    child,
    log,
    startedIn: performance.now() - since,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    end(signal) {
      child.kill(signal);
      child.kill('SIGCONT');
      return exit;
    },
  };
}

/** When this process ends, however it does, the kernel closes the pipe to the shell, and that kills the service. */
export function endWithThisProcess(child: ChildProcess): void {
  child.once('exit', killWithThisProcess(child.pid!));
}

/** The same with any process. @returns what lets it live, or be gone already */
export function killWithThisProcess(pid: number): () => void {
  // In a group of its own: a signal to all of this one's must not reach it.
  const guard = spawn('sh', ['-c', 'cat; kill -9 "$0"', String(pid)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.unref();
  return () => {
    guard.kill('SIGKILL');
    guard.stdin!.destroy();
  };
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line);
  } catch {
    return { message: line };
  }
}
