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
  /** Ends it and waits until it is gone. @returns its exit code, null when the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const STARTS_WITHIN = 30_000;
const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** The service as a process of its own, as `npm start` runs it; it must log what it listens on. @throws when it does not get there */
export async function startServiceProcess(environment: Record<string, string>): Promise<ServiceProcess> {
  const since = performance.now();
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      RATE_LIMIT_PER_MINUTE: '0',
      RATE_LIMIT_USER_PER_MINUTE: '0',
      ...environment,
    },
    cwd: environment.DATA_DIR,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit').then(([code]) => code as number | null);
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
    end(signal) {
      child.kill(signal);
      return exit;
    },
  };
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line);
  } catch {
    return { message: line };
  }
}
