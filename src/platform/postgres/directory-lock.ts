import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isNativeError } from 'node:util/types';

/** Another instance works on this directory. The message names the directory and, where it is known, the holder's process id. */
export class DirectoryInUse extends Error {
  constructor(directory: string, holder: string) {
    super(`The database directory ${directory} is in use by ${holder}. Stop that one first, or give this one a directory of its own.`);
    this.name = 'DirectoryInUse';
  }
}

export type DirectoryLock = { release(): Promise<void> };

/**
 * Takes the directory for this process, or throws DirectoryInUse at once.
 *
 * The lock is the kernel's (fcntl, through SQLite's exclusive transaction on an empty file), so it ends with the process however that
 * ends, holds between containers on one volume, and cannot be left behind. Nothing else in this process may open the file: closing it
 * would drop the lock.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const holderFile = join(directory, 'holder');
  const database = new DatabaseSync(join(directory, 'lock'), { timeout: 0 });
  // SQLite makes the file readable by all.
  await chmod(join(directory, 'lock'), 0o600);
  try {
    database.exec('PRAGMA journal_mode = memory; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw new DirectoryInUse(directory, `another instance (${await holderOf(holderFile)})`);
  }
  await rm(holderFile, { force: true });
  await writeFile(holderFile, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
  return {
    async release() {
      if (!database.isOpen) return;
      await rm(holderFile, { force: true });
      database.close();
    },
  };
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return isNativeError(error) && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

async function holderOf(file: string): Promise<string> {
  const pid = await readFile(file, 'utf8').catch(() => '');
  return pid.trim() ? `process ${pid.trim()}` : 'process unknown';
}
