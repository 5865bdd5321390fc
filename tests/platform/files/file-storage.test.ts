import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BlobMissing, type FileStorage, StorageUnavailable } from '../../../src/platform/files/file-storage.ts';
import { openLocalStorage } from '../../../src/platform/files/local-storage.ts';
import { openS3Storage } from '../../../src/platform/files/s3-storage.ts';
import { openStaging } from '../../../src/platform/files/staging.ts';
import { bucket, startS3 } from '../../support/s3.ts';
import { blobsIn } from '../../support/uploads.ts';

let directory: string;
let s3: Awaited<ReturnType<typeof startS3>>;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'storage-'));
  s3 = await startS3();
});
afterAll(async () => {
  await s3?.stop();
  await rm(directory, { recursive: true, force: true });
});

const keyOfOne = () => `${randomUUID()}/${randomUUID()}`;

describe.each<[string, () => Promise<FileStorage>]>([
  ['a directory', () => openLocalStorage(join(directory, 'blobs'))],
  ['a bucket', async () => openS3Storage(s3.options)],
])('%s', (_, open) => {
  let storage: FileStorage;
  beforeAll(async () => {
    storage = await open();
  });
  afterAll(() => storage.close());

  const put = async (content: Buffer | string, key = keyOfOne()): Promise<string> => {
    const path = join(directory, 'staged');
    await writeFile(path, content);
    await storage.put(key, path, content.length);
    return key;
  };
  const listed = async () => (await blobsIn(storage)).map(({ key }) => key);

  test('gives back what it was given, and parts of it', async () => {
    const key = await put('0123456789');
    expect((await buffer(await storage.read(key))).toString()).toBe('0123456789');
    expect((await buffer(await storage.read(key, { start: 2, end: 4 }))).toString()).toBe('234');
    await storage.check();
  });

  test('takes what is larger than one part of a transfer', async () => {
    const large = Buffer.alloc(17 * 1024 * 1024, 'large ');
    const key = await put(large);
    expect((await buffer(await storage.read(key))).equals(large)).toBe(true);
    await storage.remove(key);
  });

  test('lists what is there with its time, and forgets what is removed', async () => {
    const [one, two] = [await put('one'), await put('two')];
    expect(await listed()).toEqual(expect.arrayContaining([one, two]));
    const [blob] = await blobsIn(storage);
    expect(Math.abs(blob!.storedAt.getTime() - Date.now())).toBeLessThan(60_000);
    await storage.remove(one);
    await storage.remove(one);
    expect(await listed()).not.toContain(one);
    await expect(storage.read(one)).rejects.toThrow(BlobMissing);
  });

  test.each(['../secret/file', 'a/../b', '/etc/passwd', 'a/b/c', 'a', 'a/b\0', 'A/b'])('has no key %j', async (key) => {
    await expect(storage.read(key)).rejects.toThrow(StorageUnavailable);
    await expect(put('x', key)).rejects.toThrow(StorageUnavailable);
  });
});

test('a bucket that is away, or answers with an error, is unavailable', async () => {
  const server = createServer((_, response) => response.writeHead(500).end('<Error/>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const storage = openS3Storage({ ...s3.options, endpoint: `http://127.0.0.1:${port}` });
  await expect(storage.check()).rejects.toThrow(StorageUnavailable);
  await new Promise((resolve) => server.close(resolve));
  await expect(storage.remove(keyOfOne())).rejects.toThrow(StorageUnavailable);
  await storage.close();
  await expect(openS3Storage({ ...s3.options, bucket: `${bucket}-not` }).check()).rejects.toThrow(StorageUnavailable);
});

describe('what comes in', () => {
  const pieces = async function* (...texts: string[]) {
    for (const text of texts) yield Buffer.from(text);
  };
  const nobody = { chunk() {}, end() {} };

  test('is in a file with its size and digest', async () => {
    const staging = await openStaging(join(directory, 'incoming'));
    const staged = await staging.take(pieces('a', 'b', 'c'), nobody);
    expect(staged).toMatchObject({ size: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' });
    await staging.remove(staged);
    await staging.remove(staged);
  });

  test('leaves nothing when it is refused, and what a crash has left is swept', async () => {
    const incoming = join(directory, 'incoming-2');
    const staging = await openStaging(incoming);
    const refusing = {
      ...nobody,
      chunk() {
        throw new Error('no');
      },
    };
    await expect(staging.take(pieces('a'), refusing)).rejects.toThrow('no');
    const storage = await openLocalStorage(directory);
    const there = async () => (await blobsIn(storage)).filter(({ key }) => key.startsWith('incoming-2/'));
    expect(await there()).toEqual([]);
    await writeFile(join(incoming, 'half'), 'half');
    await staging.sweep(new Date(Date.now() - 60_000));
    expect(await there()).toHaveLength(1);
    await staging.sweep(new Date(Date.now() + 60_000));
    expect(await there()).toEqual([]);
  });
});
