import { join } from 'node:path';
import type { Config } from './config.ts';
import type { FileStorage } from './platform/files/file-storage.ts';
import { openLocalStorage } from './platform/files/local-storage.ts';
import type { S3Options } from './platform/files/s3-storage.ts';
import { openStaging, type Staging } from './platform/files/staging.ts';

/** The storage of the configuration: a bucket, or a directory; and where files come in, on this machine in both cases. */
export async function openFileStorage({
  dataDir,
  s3,
}: Pick<Config, 'dataDir' | 's3'>): Promise<{ storage: FileStorage; staging: Staging }> {
  const directory = join(dataDir, 'files');
  const staging = await openStaging(join(directory, 'incoming'));
  const storage = s3 ? await openBucket(s3) : await openLocalStorage(join(directory, 'blobs'));
  return { storage, staging };
}

/** The client of S3 is loaded by who has a bucket. */
async function openBucket(s3: S3Options): Promise<FileStorage> {
  const { openS3Storage } = await import('./platform/files/s3-storage.ts');
  return openS3Storage(s3);
}
