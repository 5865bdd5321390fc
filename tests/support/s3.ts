import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { S3Options } from '../../src/platform/files/s3-storage.ts';

interface S3Server {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}

export interface S3 {
  options: S3Options;
  /** What a service is given to keep its files there. */
  environment: Record<string, string>;
  stop(): Promise<void>;
}

export const bucket = 'tasktrail-test';

/** A server that speaks the protocol of S3, on a free port, with one bucket. */
export async function startS3(): Promise<S3> {
  const S3rver = createRequire(import.meta.url)('@20minutes/s3rver') as new (options: object) => S3Server;
  const directory = await mkdtemp(join(tmpdir(), 's3-'));
  // It reads the path of a bucket otherwise than Amazon does, and would take the signatures of requests on one for wrong.
  const lenient = { allowMismatchedSignatures: true };
  const server = new S3rver({ ...lenient, address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets: [{ name: bucket }] });
  const { port } = await server.run();
  let stopped: Promise<void> | undefined;
  const keys = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    options: { bucket, region: 'us-east-1', endpoint, ...keys },
    environment: {
      S3_BUCKET: bucket,
      S3_ENDPOINT: endpoint,
      S3_ACCESS_KEY_ID: keys.accessKeyId,
      S3_SECRET_ACCESS_KEY: keys.secretAccessKey,
    },
    async stop() {
      stopped ??= server.close();
      await stopped;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
