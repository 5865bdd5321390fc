import { access, constants, mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BlobMissing, type FileStorage, isBlobKey, requireBlobKey, StorageUnavailable, type StoredBlob } from './file-storage.ts';

/** Blobs as files below a directory of this machine. What is put must be on the same file system. */
export async function openLocalStorage(directory: string): Promise<FileStorage> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pathOf = (key: string) => join(directory, requireBlobKey(key));
  return {
    put: (key, path) => attempt(() => moveInto(path, pathOf(key))),
    read: (key, range) =>
      attempt(async () => {
        const file = await open(pathOf(key)).catch((error) => {
          throw isMissing(error) ? new BlobMissing(key) : error;
        });
        return file.createReadStream(range);
      }),
    remove: (key) => attempt(() => rm(pathOf(key), { force: true })),
    list: () => blobsBelow(directory),
    check: () => attempt(() => access(directory, constants.W_OK)),
    close: async () => {},
  };
}

/** The file is on the disk before its name is, and the name before this resolves. */
async function moveInto(from: string, to: string): Promise<void> {
  const parent = dirname(to);
  const made = await mkdir(parent, { recursive: true, mode: 0o700 });
  await rename(from, to);
  await syncDirectory(parent);
  if (made !== undefined) await syncDirectory(dirname(parent));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function* blobsBelow(directory: string): AsyncGenerator<StoredBlob> {
  for await (const group of await attempt(() => opendir(directory))) {
    if (!group.isDirectory()) continue;
    for await (const file of await attempt(() => opendir(join(directory, group.name)))) {
      const key = `${group.name}/${file.name}`;
      const found = isBlobKey(key) && (await stat(join(directory, key)).catch(() => null));
      if (found) yield { key, storedAt: found.mtime };
    }
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof BlobMissing ? error : new StorageUnavailable(error);
  }
}
