import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const build = join(import.meta.dirname, 'weakened-service.ts');

/**
 * Runs a program in a build without one of its defences ('' for all of them in place).
 * @param program below `tests`
 * @returns what it printed, parsed as JSON
 */
export async function runWithout<T>(defence: string, program: string, environment: Record<string, string> = {}): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-without-'));
  try {
    await writeFile(join(directory, 'without'), defence);
    const env = { PATH: process.env.PATH, ...environment, DATA_DIR: directory, WEAKENED: `../tests/${program}` };
    const { stdout } = await promisify(execFile)(process.execPath, [build], { env });
    return JSON.parse(stdout) as T;
  } finally {
    await rm(directory, { recursive: true });
  }
}
