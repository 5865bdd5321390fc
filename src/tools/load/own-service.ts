import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Tool } from '../command-line.ts';
import { unlimited } from './limits.ts';

const main = join(import.meta.dirname, '..', '..', 'main.ts');
const STARTS_WITHIN_MS = 60_000;

/** Starts the service as `npm start` does, on a free port and a directory that goes with it, without limits. @returns where it listens */
export async function startOwnService({ closing, signal }: Tool): Promise<URL> {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-load-'));
  closing.add('temporary directory', () => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [main], {
    // There is no .env file, and nothing of this shell's configuration but what is needed to run at all.
    cwd: directory,
    env: { PATH, HOME, ...unlimited, DATA_DIR: directory, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
    // Ctrl-C is for the tool, which then ends it.
    detached: true,
  });
  const exited = once(child, 'exit');
  closing.add('service', async () => {
    child.kill('SIGTERM');
    await exited;
  });
  return new URL(await Promise.race([listening(child), gone(exited, signal)]));
}

async function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    // Read to the end, also behind the line that is looked for: a pipe that nobody reads stops who writes.
    createInterface(child.stdout!).on('line', (line) => {
      const { message, port } = JSON.parse(line) as { message?: string; port?: number };
      if (message?.startsWith('listening')) resolve(`http://127.0.0.1:${port}`);
    });
  });
}

async function gone(exited: Promise<unknown>, signal: AbortSignal): Promise<never> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(STARTS_WITHIN_MS)]);
  await Promise.race([exited, once(late, 'abort')]);
  throw new Error('the service did not start; `npm start` tells why');
}
