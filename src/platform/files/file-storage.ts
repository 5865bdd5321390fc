import type { Readable } from 'node:stream';

/** Bytes of a blob, both ends included. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface StoredBlob {
  key: string;
  storedAt: Date;
}

/**
 * Where the contents of files are kept: blobs by key, each written once as a whole and never changed. Keys are two names of `[a-z0-9-]`
 * with a slash between. Everything throws StorageUnavailable when the storage is away, full or refuses.
 */
export interface FileStorage {
  /** Takes a finished file of this machine; the path may be gone afterwards. Durable, and found under its key, when it resolves. */
  put(key: string, path: string, size: number): Promise<void>;
  /** @throws BlobMissing */
  read(key: string, range?: ByteRange): Promise<Readable>;
  /** Nothing happens when there is no such blob. */
  remove(key: string): Promise<void>;
  /** All that is there, in no order. */
  list(): AsyncIterable<StoredBlob>;
  /** Resolves when it can be reached and written to. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** The storage is away, full, or refuses. */
export class StorageUnavailable extends Error {
  override name = 'StorageUnavailable';
  constructor(cause: unknown) {
    super(`the file storage does not answer as it should: ${reason(cause)}`, { cause });
  }
}

export class BlobMissing extends Error {
  override name = 'BlobMissing';
  constructor(key: string) {
    super(`the file storage has no blob ${key}`);
  }
}

export function isBlobKey(key: string): boolean {
  return /^[a-z0-9-]{1,64}\/[a-z0-9-]{1,64}$/.test(key);
}

/** @throws Error for a key that could lead out of the storage */
export function requireBlobKey(key: string): string {
  if (!isBlobKey(key)) throw new Error('this is no key of a blob');
  return key;
}

function reason(cause: unknown): string {
  const { code, name, message } = cause as { code?: string; name?: string; message?: string };
  return message || code || name || String(cause);
}
