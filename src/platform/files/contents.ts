import { open } from 'node:fs/promises';
import { fileTypeFromBuffer, supportedExtensions } from 'file-type';
import { isOfficeDocument, isZip, officeParts } from './archives.ts';
import { type ContentWatch, WrongContent } from './content-watch.ts';
import { hasInside } from './find-bytes.ts';
import { textWatch } from './text-watch.ts';

/** So much of the beginning tells the type. In bytes. */
const HEAD = 4100;

/** Names of the streams in Microsoft's older documents, which are one container with many uses. */
const compound: Readonly<Record<string, { contentType: string; stream: string }>> = {
  doc: { contentType: 'application/msword', stream: 'WordDocument' },
  xls: { contentType: 'application/vnd.ms-excel', stream: 'Workbook' },
  ppt: { contentType: 'application/vnd.ms-powerpoint', stream: 'PowerPoint Document' },
};
/** What is text, in whatever encoding. What a browser would run is plain text: it is stored to be read and never to be opened as a page. */
const texts: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  text: 'text/plain',
  log: 'text/plain',
  ini: 'text/plain',
  conf: 'text/plain',
  cfg: 'text/plain',
  tex: 'text/plain',
  html: 'text/plain',
  css: 'text/plain',
  js: 'text/plain',
  svg: 'text/plain',
  srt: 'text/plain',
  vtt: 'text/vtt',
  ics: 'text/calendar',
  vcf: 'text/vcard',
  md: 'text/markdown',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  xml: 'application/xml',
  yaml: 'application/yaml',
  toml: 'application/toml',
  sql: 'application/sql',
};
const otherNames: Readonly<Record<string, string>> = { jpeg: 'jpg', tiff: 'tif', htm: 'html', markdown: 'md', yml: 'yaml' };

/** Tells whether a file is what its extension says, while it comes and when it is there. @param extension in lower case, as `.pdf` */
export function watchContent(extension: string): ContentWatch {
  const name = extension.slice(1);
  const type = otherNames[name] ?? name;
  if (texts[type]) return withoutArchive(textWatch(texts[type]));
  return byHead(
    (head, path, size) => contentType(type, head, path, size),
    (head) => requireType(type, head),
  );
}

function withoutArchive(watch: ContentWatch): ContentWatch {
  return {
    chunk: watch.chunk,
    async end(path, size) {
      await requireNoArchive(path, size);
      return watch.end(path, size);
    },
  };
}

/** Throws early, when the head is there and wrong; what the whole tells is looked at in the end. */
function byHead(
  whole: (head: Buffer, path: string, size: number) => Promise<string>,
  early: (head: Buffer) => Promise<unknown>,
): ContentWatch {
  let head = Buffer.alloc(0);
  return {
    async chunk(bytes) {
      if (head.length === HEAD) return;
      head = Buffer.concat([head, bytes.subarray(0, HEAD - head.length)]);
      if (head.length === HEAD) await early(head);
    },
    end: (path, size) => whole(head, path, size),
  };
}

/** @returns the media type that the head tells @throws WrongContent */
async function requireType(type: string, head: Buffer): Promise<string> {
  if (type === 'zip' || officeParts[type]) return requireMagic(head, 'PK\x03\x04', type === 'zip' ? 'PK\x05\x06' : undefined);
  if (compound[type]) return requireMagic(head, '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1');
  const found = await fileTypeFromBuffer(head);
  const expected = supportedExtensions.has(type as never) ? type : undefined;
  if (found?.ext !== expected) throw new WrongContent(`The content is not that of a .${type} file`);
  return found?.mime ?? 'application/octet-stream';
}

function requireMagic(head: Buffer, ...magic: (string | undefined)[]): string {
  const isThere = magic.some((bytes) => bytes !== undefined && head.subarray(0, bytes.length).equals(Buffer.from(bytes, 'latin1')));
  if (!isThere) throw new WrongContent('The content is not what the name says');
  return '';
}

async function contentType(type: string, head: Buffer, path: string, size: number): Promise<string> {
  const mime = await requireType(type, head);
  // Readers of PDF look for its beginning in the first kilobyte, whatever stands before it.
  if (type !== 'pdf' && head.subarray(0, 1024).includes('%PDF-')) throw new WrongContent('The content may be taken for a PDF');
  if (type === 'zip') return (await isZip(path)) ? 'application/zip' : wrong();
  const office = officeParts[type];
  if (office) return (await isOfficeDocument(path, office)) ? office.contentType : wrong();
  await requireNoArchive(path, size);
  const older = compound[type];
  if (!older) return mime;
  return (await hasInside(path, Buffer.from(older.stream, 'utf16le'))) ? older.contentType : wrong();
}

function wrong(): never {
  throw new WrongContent('The content is not what the name says');
}

async function requireNoArchive(path: string, size: number): Promise<void> {
  if (await hasArchiveAtEnd(path, size)) throw new WrongContent('The content may be taken for an archive');
}

/** An archive is read from its end, so that any file may have one behind it. */
async function hasArchiveAtEnd(path: string, size: number): Promise<boolean> {
  const length = Math.min(size, 22 + 0xffff);
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    for (let at = buffer.lastIndexOf('PK\x05\x06', undefined, 'latin1'); at >= 0; ) {
      if (at + 22 <= length && at + 22 + buffer.readUInt16LE(at + 20) <= length) return true;
      at = at === 0 ? -1 : buffer.lastIndexOf('PK\x05\x06', at - 1, 'latin1');
    }
    return false;
  } finally {
    await file.close();
  }
}
