import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, opendir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageUnavailable } from './file-storage.ts';
import { bytesPassed } from './passing-bytes.ts';

/** What is coming, in a file of its own that nobody else sees. */
export interface Staged {
  path: string;
  size: number;
  /** In hexadecimal digits. */
  sha256: string;
}

/** Told of the bytes as they come; what it throws ends the taking. */
export interface Watcher {
  chunk(bytes: Buffer): Promise<void> | void;
  /** All bytes are in the file. */
  end(path: string, size: number): Promise<void> | void;
}

/** Where files are while they come in, and are looked into. */
export interface Staging {
  /**
   * Takes a stream into a file, never whole in memory, and on the disk when it resolves.
   * @throws what the watcher and the stream throw, StorageUnavailable; nothing is left then
   */
  take(bytes: AsyncIterable<Buffer>, watcher: Watcher): Promise<Staged>;
  /** @throws StorageUnavailable while the disk has less free space than the service leaves to everything else on it */
  requireSpace(): Promise<void>;
  /** Nothing happens to one that was moved away. */
  remove(staged: Staged): Promise<void>;
  /** Removes what nobody has written to since then: its process has died. */
  sweep(before: Date): Promise<void>;
}

/** Bytes that uploads leave free: the database and the log need them to go on. */
const MIN_FREE_BYTES = 256 * 2 ** 20;

export async function openStaging(directory: string, minFreeBytes = MIN_FREE_BYTES): Promise<Staging> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return {
    async take(bytes, watcher) {
      const path = join(directory, randomUUID());
      try {
        return { path, ...(await write(path, bytes, watcher)) };
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
    },
    async requireSpace() {
      const { bavail, bsize } = await onDisk(() => statfs(directory));
      if (bavail * bsize < minFreeBytes) throw new StorageUnavailable(new Error('too little space is left on the disk'));
    },
    remove: ({ path }) => rm(path, { force: true }),
    async sweep(before) {
      for await (const { name } of await opendir(directory)) {
        const path = join(directory, name);
        const found = await stat(path).catch(() => null);
        if (found && found.mtime < before) await rm(path, { force: true });
      }
    },
  };
}

async function write(path: string, bytes: AsyncIterable<Buffer>, watcher: Watcher): Promise<Omit<Staged, 'path'>> {
  const file = await onDisk(() => open(path, 'wx', 0o600));
  try {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of bytes) {
      await watcher.chunk(chunk);
      hash.update(chunk);
      size += chunk.length;
      await onDisk(() => file.write(chunk));
      bytesPassed(chunk.length);
    }
    await watcher.end(path, size);
    await onDisk(() => file.sync());
    return { size, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StorageUnavailable(error);
  }
}
