import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { createS3Client, type S3Options } from './s3-storage.ts';

/** Small texts in a bucket, beside the blobs, which nothing removes. All may throw what the client throws. */
export interface S3Texts {
  put(key: string, text: string): Promise<void>;
  /** The texts whose keys begin so, in the order of the keys. */
  all(prefix: string): Promise<string[]>;
  close(): void;
}

const CONCURRENCY = 16;

export function openS3Texts({ bucket, ...access }: S3Options): S3Texts {
  const client = createS3Client(access);
  const read = async (key: string) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return (await Body?.transformToString()) ?? '';
  };
  return {
    put: async (key, text) => void (await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text }))),
    async all(prefix) {
      const keys: string[] = [];
      for await (const { Contents } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
        for (const { Key: key } of Contents ?? []) if (key) keys.push(key);
      const texts: string[] = [];
      for (let next = 0; next < keys.length; next += CONCURRENCY)
        texts.push(
          ...(await Promise.all(
            keys
              .toSorted()
              .slice(next, next + CONCURRENCY)
              .map(read),
          )),
        );
      return texts;
    },
    close: () => client.destroy(),
  };
}
