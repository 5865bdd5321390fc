import type { Readable } from 'node:stream';
import { DeleteObjectCommand, GetObjectCommand, HeadBucketCommand, NoSuchKey, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { BlobMissing, type FileStorage, isBlobKey, requireBlobKey, StorageUnavailable, type StoredBlob } from './file-storage.ts';
import { uploadFile } from './s3-upload.ts';

export interface S3Options {
  bucket: string;
  region: string;
  /** Of a server other than Amazon's; its buckets are then in the path. */
  endpoint?: string | undefined;
  /** Without them the client looks where Amazon's tools do: environment, profile, role of the machine. */
  accessKeyId?: string | undefined;
  secretAccessKey?: string | undefined;
}

const CONNECT_WITHIN_MS = 5_000;
/** Between two signs of life of a connection. */
const SILENCE_MS = 30_000;

export function createS3Client({ region, endpoint, accessKeyId, secretAccessKey }: Omit<S3Options, 'bucket'>): S3Client {
  return new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey } }),
    requestHandler: { connectionTimeout: CONNECT_WITHIN_MS, socketTimeout: SILENCE_MS },
    // What goes wrong is thrown; the client would say so on the console too.
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    // Many servers do not know Amazon's newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

/** Blobs as objects of a bucket: Amazon's, or of a server that speaks its protocol. */
export function openS3Storage({ bucket, ...access }: S3Options): FileStorage {
  const client = createS3Client(access);
  return {
    put: (key, path, size) => attempt(() => uploadFile(client, { Bucket: bucket, Key: requireBlobKey(key) }, path, size)),
    read: (key, range) =>
      attempt(async () => {
        const part = range && { Range: `bytes=${range.start}-${range.end}` };
        const object = await client.send(new GetObjectCommand({ Bucket: bucket, Key: requireBlobKey(key), ...part })).catch((error) => {
          throw error instanceof NoSuchKey ? new BlobMissing(key) : error;
        });
        return object.Body as Readable;
      }),
    remove: (key) => attempt(async () => void (await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: requireBlobKey(key) })))),
    list: () => objectsOf(client, bucket),
    check: () => attempt(async () => void (await client.send(new HeadBucketCommand({ Bucket: bucket })))),
    close: async () => client.destroy(),
  };
}

function quiet(): void {}

async function* objectsOf(client: S3Client, bucket: string): AsyncGenerator<StoredBlob> {
  const pages = paginateListObjectsV2({ client }, { Bucket: bucket })[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await attempt(() => pages.next());
    if (done) return;
    for (const { Key: key, LastModified: storedAt } of value.Contents ?? []) if (key && storedAt && isBlobKey(key)) yield { key, storedAt };
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof BlobMissing ? error : new StorageUnavailable(error);
  }
}
