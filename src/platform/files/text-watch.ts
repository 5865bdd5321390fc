import { TextDecoder } from 'node:util';
import { fileTypeFromBuffer } from 'file-type';
import { type ContentWatch, WrongContent } from './content-watch.ts';

/** Documents of other kinds that are written as text. */
const documents = ['%PDF-', '%!PS', '{\\rtf', 'GIF87a', 'GIF89a'];
/** So much of the beginning tells the type. In bytes. */
const HEAD = 4100;
const utf8Mark = '\xef\xbb\xbf';

/**
 * Text in any encoding: its bytes are kept as they are, and only what is UTF-8 is said to be. NUL is in no text but UTF-16, which is
 * recognised by its byte-order mark and has to be well formed. Some bytes are kept for the beginning, never the whole.
 */
export function textWatch(contentType: string): ContentWatch {
  let head = Buffer.alloc(0);
  let utf16: TextDecoder | undefined;
  let utf8: TextDecoder | undefined = new TextDecoder('utf-8', { fatal: true });
  let pending: Buffer[] = [];

  const take = (bytes: Buffer) => {
    if (utf16) return void decodeUtf16(utf16, bytes);
    if (bytes.includes(0))
      throw new WrongContent('The content is not text: it has NUL in it, without a byte-order mark of UTF-16 before it');
    if (utf8 && !decodes(utf8, bytes)) utf8 = undefined;
  };
  /** The mark may come in two pieces. */
  const begin = () => {
    utf16 = utf16Of(head);
    const first = pending;
    pending = [];
    for (const bytes of first) take(bytes);
  };
  return {
    chunk(bytes) {
      const isBegun = head.length >= 2;
      if (head.length < HEAD) head = Buffer.concat([head, bytes.subarray(0, HEAD - head.length)]);
      if (isBegun) return take(bytes);
      pending.push(bytes);
      if (head.length >= 2) begin();
    },
    async end() {
      if (head.length < 2) begin();
      if (utf16) decodeUtf16(utf16);
      if (utf16 ? hasPdf(head) : await isOtherDocument(head)) throw new WrongContent('The content is a document of another kind');
      const isUtf8 = !utf16 && utf8 !== undefined && decodes(utf8);
      return isUtf8 && contentType.startsWith('text/') ? `${contentType}; charset=utf-8` : contentType;
    },
  };
}

function utf16Of(head: Buffer): TextDecoder | undefined {
  const mark = head.length >= 2 ? head.readUInt16BE(0) : 0;
  if (mark === 0xfffe) return new TextDecoder('utf-16le', { fatal: true });
  if (mark === 0xfeff) return new TextDecoder('utf-16be', { fatal: true });
  return undefined;
}

function decodeUtf16(decoder: TextDecoder, bytes?: Buffer): void {
  if (!decodes(decoder, bytes)) throw new WrongContent('The content begins with a byte-order mark of UTF-16 and is not text in UTF-16');
}

/** @param bytes the next ones; absent at the end, which is in the middle of no character */
function decodes(decoder: TextDecoder, bytes?: Buffer): boolean {
  try {
    if (bytes) decoder.decode(bytes, { stream: true });
    else decoder.decode();
    return true;
  } catch {
    return false;
  }
}

/** A text may happen to begin with the letters of a format, as "BMW" does: what is of such a format has bytes that no text has, too. */
async function isOtherDocument(head: Buffer): Promise<boolean> {
  const beginning = head.toString('latin1');
  const text = beginning.startsWith(utf8Mark) ? beginning.slice(utf8Mark.length) : beginning;
  if (documents.some((magic) => text.startsWith(magic))) return true;
  return head.some(isBinary) && (await fileTypeFromBuffer(head)) !== undefined;
}

/** Readers of PDF look for its beginning in the first kilobyte. In UTF-16 these letters have NUL between them. */
function hasPdf(head: Buffer): boolean {
  return head.subarray(0, 1024).includes('%PDF-');
}

/** In no text: the other control characters are used by printers, by MS-DOS for the end, and by ISO 2022 to change the character set. */
function isBinary(byte: number): boolean {
  return byte < 0x07 || (byte >= 0x10 && byte <= 0x19) || (byte >= 0x1c && byte <= 0x1f) || byte === 0x7f;
}
