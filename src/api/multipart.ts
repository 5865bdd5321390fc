import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Dicer } from '@fastify/busboy';
import { Rejection } from '../rejection.ts';
import { ClientGone, requireUncompressed } from './body.ts';
import { below, type Fault, unknownKey } from './faults.ts';
import { hasBody } from './lingering.ts';
import { parseMediaType } from './media-types.ts';
import { parsePartDisposition } from './part-disposition.ts';

/** What a body has beside its file: boundaries and the headers of the part. In bytes. */
export const partOverhead = 64 * 1024;
/** Parts of a body, of which one is taken: the others are there for the error to name. */
const MAX_PARTS = 8;
/** Of the headers of one part; the size is in bytes. */
const headerLimits = { maxHeaderPairs: 32, maxHeaderSize: 16 * 1024 };

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

    const receive = (bytes: Readable, header: PartHeaders) => {
      const disposition = parsePartDisposition(header['content-disposition']?.[0] ?? '');
      if (failed || !disposition) return void bytes.resume();
      const { name, filename } = disposition;
      if (name !== part.name) return fail(unknownPart(name));
      if (filename === undefined) return fail(notValid(name, 'must be a file with a name', 'type'));
      if (taking) return fail(notValid(name, 'must be there once', 'duplicate'));
      coming = bytes;
      taking = part.take(filename, bytes);
      taking.catch(fail);
    };
    let parts = 0;
    parser.on('part', (bytes: Readable) => {
      bytes.on('error', () => {});
      parts += 1;
      if (parts > MAX_PARTS) fail(malformed());
      bytes.on('header', (header: PartHeaders) => receive(bytes, header));
    });
    parser.on('error', () => fail(http.complete ? malformed() : new ClientGone()));
    parser.on('finish', () => {
      if (taking) taking.then((taken) => failed || resolve(taken), fail);
      else fail(notValid(part.name, 'is required', 'required'));
    });
    http.pipe(parser);
  });
}

/** By names in lower case, each with its values as they came, one character for each byte. */
type PartHeaders = Readonly<Record<string, readonly string[]>>;

function parserOf({ headers }: IncomingMessage): Dicer {
  requireUncompressed(headers);
  const type = parseMediaType(headers['content-type'] ?? '');
  if (type?.name !== 'multipart/form-data') throw new Rejection('UNSUPPORTED_MEDIA_TYPE', 'The body must be multipart/form-data');
  const boundary = type.parameters.get('boundary');
  if (!boundary) throw malformed();
  return new Dicer({ boundary, ...headerLimits });
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
