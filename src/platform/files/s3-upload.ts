import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ByteRange } from './file-storage.ts';
import { passing } from './passing-bytes.ts';

/** What is larger is sent in parts: one request takes no more than 5 GB, and is lost as a whole. In bytes. */
const PART = 16 * 1024 * 1024;
const MOST_PARTS = 10_000;
const ATTEMPTS = 3;

interface Place {
  Bucket: string;
  Key: string;
}

/** Sends a file as it is read: no part of it is held. */
export async function uploadFile(client: S3Client, place: Place, path: string, size: number): Promise<void> {
  const send = (range: ByteRange) => ({
    Body: Readable.from(passing(createReadStream(path, range)), { objectMode: false }),
    ContentLength: range.end - range.start + 1,
  });
  if (size <= PART) {
    await again(() => client.send(new PutObjectCommand({ ...place, ...send({ start: 0, end: size - 1 }) })));
    return;
  }
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(place));
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (const range of rangesOf(size)) {
      const PartNumber = Parts.length + 1;
      const { ETag } = await again(() => client.send(new UploadPartCommand({ ...place, UploadId, PartNumber, ...send(range) })));
      Parts.push({ PartNumber, ETag });
    }
    await client.send(new CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload: { Parts } }));
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand({ ...place, UploadId })).catch(() => {});
    throw error;
  }
}

function* rangesOf(size: number): Generator<ByteRange> {
  const part = Math.max(PART, Math.ceil(size / MOST_PARTS));
  for (let start = 0; start < size; start += part) yield { start, end: Math.min(start + part, size) - 1 };
}

/** The client tries again by itself only what it can send again; a file is opened anew. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}
