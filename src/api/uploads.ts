import type { IncomingMessage } from 'node:http';
import type { Reservation } from '../commands/storage-quota.ts';
import { codePointLength, FileName } from '../events/values.ts';
import { WrongContent } from '../platform/files/content-watch.ts';
import { watchContent } from '../platform/files/contents.ts';
import type { Staged, Staging } from '../platform/files/staging.ts';
import { Rejection } from '../rejection.ts';
import { notValid, partOverhead, readFilePart } from './multipart.ts';

export interface UploadRules {
  /** Bytes of a file. */
  maxSize: number;
  /** In lower case, as `.pdf`. */
  extensions: readonly string[];
}

/** A file that came, is what its name says, and waits to be stored. */
export interface Uploaded {
  staged: Staged;
  name: string;
  contentType: string;
}

/** The part of the body that is the file. */
export const filePart = 'file';

/** @throws FILE_TOO_LARGE, FILE_TYPE_NOT_ALLOWED, what the reservation throws, and what is wrong with a body; nothing is left then */
export function receiveUpload(
  http: IncomingMessage,
  staging: Staging,
  { maxSize, extensions }: UploadRules,
  reservation: Pick<Reservation, 'cover'>,
): Promise<Uploaded> {
  const tooLarge = () => new Rejection('FILE_TOO_LARGE', 'The file is larger than can be taken', [{ limit: maxSize }]);
  const take = async (filename: string, bytes: AsyncIterable<Buffer>): Promise<Uploaded> => {
    const name = baseName(filename);
    const content = watchContent(allowedExtension(name, extensions));
    let contentType = '';
    let size = 0;
    const staged = await asRejection(() =>
      staging.take(bytes, {
        async chunk(piece) {
          size += piece.length;
          if (size > maxSize) throw tooLarge();
          await reservation.cover(size);
          return content.chunk(piece);
        },
        async end(path) {
          if (size === 0) throw notValid(filePart, 'must not be empty', 'too_short');
          contentType = await content.end(path, size);
        },
      }),
    );
    return { staged, name, contentType };
  };
  const part = { name: filePart, most: maxSize + partOverhead, tooLarge, take };
  return readFilePart(http, part, ({ staged }) => staging.remove(staged));
}

// Control characters, and those that turn the direction of what is read: a name must be what it looks like.
const treacherous = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** What is behind the last slash, of either kind. @throws VALIDATION_FAILED */
function baseName(filename: string): string {
  const name = filename.slice(Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\')) + 1).trim();
  if (codePointLength(name) > 255) throw notValid(filePart, 'must have a name of at most 255 characters', 'too_long');
  if (!FileName.safeParse(name).success || treacherous.test(filename) || /^\.+$/.test(name)) {
    throw notValid(filePart, 'must have a name without control characters', 'format');
  }
  return name;
}

function allowedExtension(name: string, allowed: readonly string[]): string {
  const extension = /.(\.[^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  if (allowed.includes(extension)) return extension;
  throw new Rejection('FILE_TYPE_NOT_ALLOWED', `Files must end in one of ${allowed.join(', ')}`);
}

async function asRejection<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof WrongContent ? new Rejection('FILE_TYPE_NOT_ALLOWED', error.message) : error;
  }
}
