import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, opendir, rm, stat } from 'node:fs/promises';
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
  /** Nothing happens to one that was moved away. */
  remove(staged: Staged): Promise<void>;
  /** Removes what nobody has written to since then: its process has died. */
  sweep(before: Date): Promise<void>;
}

export async function openStaging(directory: string): Promise<Staging> {
  await mkdir(directory, { recursive: true });
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
  const file = await onDisk(() => open(path, 'wx'));
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
