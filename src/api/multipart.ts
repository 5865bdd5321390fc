import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyFileStream, type BusboyHeaders } from '@fastify/busboy';
import { Rejection } from '../rejection.ts';
import { ClientGone, requireUncompressed } from './body.ts';
import { below, type Fault, unknownKey } from './faults.ts';
import { hasBody } from './lingering.ts';
import { parseMediaType } from './media-types.ts';

/** What a body has beside its file: boundaries and the headers of the part. In bytes. */
export const partOverhead = 64 * 1024;
const limits = { parts: 8, files: 2, fields: 2, fieldSize: 1024, headerPairs: 32, headerSize: 16 * 1024 };

export interface FilePart<T> {
  /** The one part there must be. */
  name: string;
  /** Bytes of the whole body. */
  most: number;
  tooLarge(): Rejection;
  /** Takes the content as it comes; the name is as it was sent. */
  take(filename: string, bytes: Readable): Promise<T>;
}

/**
 * Reads a body of multipart/form-data that has one file and nothing else, without ever holding it.
 * @returns what was made of the file; when anything is wrong after it was taken, `undo` is called with that
 * @throws UNSUPPORTED_MEDIA_TYPE, MALFORMED_REQUEST, VALIDATION_FAILED, ClientGone, and what `take` throws
 */
export function readFilePart<T>(http: IncomingMessage, part: FilePart<T>, undo: (taken: T) => Promise<void>): Promise<T> {
  if (!hasBody(http)) throw notValid(part.name, 'is required', 'required');
  if (Number(http.headers['content-length']) > part.most) throw part.tooLarge();
  const parser = parserOf(http);
  return new Promise((resolve, reject) => {
    let taking: Promise<T> | undefined;
    let coming: Readable | undefined;
    let received = 0;
    let failed = false;
    const fail = (error: unknown) => {
      if (failed) return;
      failed = true;
      http.unpipe(parser);
      coming?.destroy(error as Error);
      // What still comes is read and forgotten, so that the answer is, for whom wants it.
      http.resume();
      (taking ?? Promise.resolve(undefined))
        .then((taken) => taken && undo(taken))
        .catch(() => {})
        .then(() => reject(error));
    };
    http.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > part.most) fail(part.tooLarge());
    });
    http.once('close', () => !http.complete && fail(new ClientGone()));
    http.once('error', () => fail(new ClientGone()));

    parser.on('file', (field: string | undefined, bytes: BusboyFileStream, filename: string | undefined) => {
      bytes.on('error', () => {});
      if (failed) return void bytes.resume();
      if (field !== part.name) return fail(unknownPart(field));
      if (taking) return fail(notValid(part.name, 'must be there once', 'duplicate'));
      coming = bytes;
      taking = part.take(filename ?? '', bytes);
      taking.catch(fail);
    });
    parser.on('field', (field: string | undefined) => {
      if (field === part.name) fail(notValid(field, 'must be a file with a name', 'type'));
      else fail(unknownPart(field));
    });
    for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) parser.on(limit, () => fail(malformed()));
    parser.on('error', () => fail(http.complete ? malformed() : new ClientGone()));
    parser.on('finish', () => {
      if (taking) taking.then((taken) => failed || resolve(taken), fail);
      else fail(notValid(part.name, 'is required', 'required'));
    });
    http.pipe(parser);
  });
}

function parserOf({ headers }: IncomingMessage): InstanceType<typeof Busboy> {
  requireUncompressed(headers);
  const type = parseMediaType(headers['content-type'] ?? '');
  if (type?.name !== 'multipart/form-data') throw new Rejection('UNSUPPORTED_MEDIA_TYPE', 'The body must be multipart/form-data');
  try {
    return new Busboy({ headers: headers as BusboyHeaders, limits, preservePath: true });
  } catch {
    throw malformed();
  }
}

function malformed(): Rejection {
  return new Rejection('MALFORMED_REQUEST', 'The body is not multipart/form-data as it should be, or ends too early');
}

function unknownPart(name: string | undefined): Rejection {
  return new Rejection('VALIDATION_FAILED', 'The request is not valid', [unknownKey(below('', name ?? ''))]);
}

export function notValid(path: string, message: string, code: Fault['code']): Rejection {
  return new Rejection('VALIDATION_FAILED', 'The request is not valid', [{ path, message, code }]);
}
