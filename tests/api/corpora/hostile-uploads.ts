import { compound, docx, withMacros, xlsx, zip } from '../../support/archives.ts';
import { png } from '../../support/uploads.ts';

/** A body of an upload that means harm, or is broken. */
export interface HostileUpload {
  name: string;
  body: Buffer;
  /** `multipart/form-data` with the boundary of the parts unless said otherwise. */
  type?: string;
  headers?: Record<string, string>;
  refused: string;
}

const end = '\r\n--b--\r\n';
const wrongType = '415 FILE_TYPE_NOT_ALLOWED';
const notValid = '422 VALIDATION_FAILED';
const malformed = '400 MALFORMED_REQUEST';

const disposition = (name: string, filename?: string) =>
  `Content-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}`;
const part = (head: string, content: string | Buffer = 'Hello') =>
  Buffer.concat([Buffer.from(`--b\r\n${head}\r\n\r\n`), Buffer.from(content as string)]);
/** A whole body of these parts. */
export const bodyOf = (...parts: Buffer[]) =>
  Buffer.concat([...parts.flatMap((one, index) => (index === 0 ? [one] : [Buffer.from('\r\n'), one])), Buffer.from(end)]);
/** A body with one file. */
export const fileOf = (filename: string, content: string | Buffer = 'Hello') => bodyOf(part(disposition('file', filename), content));

const pdf = '%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n';
const jar = zip({ 'META-INF/MANIFEST.MF': 'Manifest-Version: 1.0', 'Evil.class': 'evil' });
const gif = Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00;', 'latin1');
const program = Buffer.concat([Buffer.from('MZ\x90\x00\x03', 'latin1'), Buffer.alloc(300)]);

const contents: Record<string, [string, string | Buffer]> = {
  'a program as a picture': ['holiday.jpg', program],
  'a page as a picture': ['holiday.png', '<html><script>alert(1)</script>'],
  'a script as a picture': ['holiday.gif', '#!/bin/sh\nrm -rf /\n'],
  'a drawing with a script as a picture': ['holiday.webp', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'],
  'a picture as a document': ['letter.pdf', png],
  'RTF as a document': ['letter.doc', '{\\rtf1 {\\object evil}}'],
  'an installer as a document': ['letter.doc', compound('Property')],
  'an archive as a document': ['letter.docx', jar],
  'a document with macros': ['letter.docx', withMacros],
  'a table as a document': ['letter.docx', xlsx],
  'a document as a table': ['table.xlsx', docx],
};
const binaries: Record<string, [string, string | Buffer]> = {
  'text with NUL': ['notes.md', 'a\0b'],
  'NUL behind a mark of UTF-8': ['notes.txt', '\ufeffa\0b'],
  'UTF-16 without a mark': ['notes.txt', Buffer.from('notes', 'utf16le')],
  'half a character of UTF-16': ['notes.txt', Buffer.from([0xff, 0xfe, 0x61])],
  'a program behind a mark of UTF-16': ['notes.txt', Buffer.concat([Buffer.from([0xff, 0xfe, 0x00, 0xdc]), program])],
  'a program as text': ['notes.txt', program],
  'a picture as text': ['notes.csv', png],
  'a document as text': ['notes.txt', pdf],
  'RTF as text': ['notes.md', '{\\rtf1 hello}'],
  'PostScript as text': ['notes.txt', '%!PS-Adobe-3.0\n'],
  'an archive as text': ['notes.csv', jar],
  'a compressed file without NUL as text': ['notes.csv', Buffer.from('1f8b08083a5b6c6d02036101', 'hex')],
};
const polyglots: Record<string, [string, string | Buffer]> = {
  'a picture that is an archive': ['holiday.gif', Buffer.concat([gif, jar])],
  'another picture that is an archive': ['holiday.png', Buffer.concat([png, jar])],
  'a document that is an archive': ['letter.pdf', Buffer.concat([Buffer.from(pdf), jar])],
  'a picture that is a document': ['holiday.png', Buffer.concat([png, Buffer.from(pdf)])],
};
const endings: Record<string, string> = {
  'a program': 'evil.exe',
  'a page': 'evil.html',
  'a drawing': 'evil.svg',
  'two endings': 'evil.txt.exe',
  'an ending in capitals': 'evil.EXE',
  'no ending': 'evil',
  'nothing but an ending': '.txt',
  'a point at the end': 'evil.txt.',
  'a stream of Windows': 'evil.txt::$DATA',
};
const names: Record<string, string> = {
  'NUL in its name': 'evil.exe\0.txt',
  'a control character in its name': 'evil\x1b[2J.txt',
  'a name the other way round': 'evil\u202etxt.exe.txt',
  'two points for a name': '..',
  'a folder for a name': '../../etc/',
  'no name': '',
  'a long name': `${'x'.repeat(300)}.txt`,
};
const shapes: Record<string, [Buffer, string]> = {
  'no part': [Buffer.from('--b--\r\n'), notValid],
  'a part of another name': [bodyOf(part(disposition('upload', 'a.txt'))), notValid],
  'a field for a file': [bodyOf(part(disposition('file'))), notValid],
  'a field besides': [bodyOf(part(disposition('role')), part(disposition('file', 'a.txt'))), notValid],
  'a field behind': [bodyOf(part(disposition('file', 'a.txt')), part(disposition('role'))), notValid],
  'two files': [bodyOf(part(disposition('file', 'a.txt')), part(disposition('file', 'b.txt'))), notValid],
  'a thousand parts': [bodyOf(...Array.from({ length: 1000 }, () => part(disposition('file', 'a.txt')))), notValid],
  'a thousand parts without a name': [bodyOf(...Array.from({ length: 1000 }, () => part('X-Nothing: 1'))), malformed],
  'a huge name of a header': [bodyOf(part(`X-${'a'.repeat(200_000)}: 1\r\n${disposition('file', 'a.txt')}`)), notValid],
  'a thousand headers': [
    bodyOf(part(`${Array.from({ length: 1000 }, (_, n) => `X-${n}: 1`).join('\r\n')}\r\n${disposition('file', 'a.txt')}`)),
    notValid,
  ],
  'an empty file': [fileOf('a.txt', ''), notValid],
  'no end': [part(disposition('file', 'a.txt')), malformed],
  'an end in a header': [Buffer.from(`--b\r\n${disposition('file', 'a.txt')}`), malformed],
  'another boundary': [Buffer.from(fileOf('a.txt').toString().replaceAll('--b', '--c')), malformed],
};
const types: Record<string, [HostileUpload['type'], string, Record<string, string>?]> = {
  'as JSON': ['application/json', '415 UNSUPPORTED_MEDIA_TYPE'],
  'as a form': ['application/x-www-form-urlencoded', '415 UNSUPPORTED_MEDIA_TYPE'],
  'as no type': ['', '415 UNSUPPORTED_MEDIA_TYPE'],
  'as other parts': ['multipart/mixed; boundary=b', '415 UNSUPPORTED_MEDIA_TYPE'],
  'said to be compressed': [undefined, '415 UNSUPPORTED_MEDIA_TYPE', { 'content-encoding': 'gzip' }],
  'without a boundary': ['multipart/form-data; charset=utf-8', malformed],
};

/** What uploads are held off by, each with what comes through without it. */
export const uploadDefences: Record<string, readonly HostileUpload[]> = {
  'files are what their names say': listed(contents, wrongType),
  'texts are text': listed(binaries, wrongType),
  'files are one thing': listed(polyglots, wrongType),
  'files have allowed endings': Object.entries(endings).map(([name, filename]) => ({ name, body: fileOf(filename), refused: wrongType })),
  'names of files are names': Object.entries(names).map(([name, filename]) => ({ name, body: fileOf(filename), refused: notValid })),
  'uploads have one part': Object.entries(shapes)
    .filter(([name]) => /^(a field (besides|behind)|two files)/.test(name))
    .map(([name, [body, refused]]) => ({ name, body, refused })),
  'uploads are limited': [
    { name: 'more than may be', body: fileOf('a.txt', Buffer.alloc(10_485_761, 'x')), refused: '413 FILE_TOO_LARGE' },
    { name: 'much more than may be', body: fileOf('a.txt', Buffer.alloc(20_000_000, 'x')), refused: '413 FILE_TOO_LARGE' },
  ],
};

export const hostileUploads: readonly HostileUpload[] = [
  ...Object.values(uploadDefences).flat(),
  ...Object.entries(shapes).map(([name, [body, refused]]) => ({ name, body, refused })),
  ...Object.entries(types).map(([name, [type, refused, headers]]) => ({
    name: `what is good, ${name}`,
    body: fileOf('a.txt'),
    ...(type !== undefined && { type }),
    ...(headers && { headers }),
    refused,
  })),
];

function listed(files: Record<string, [string, string | Buffer]>, refused: string): HostileUpload[] {
  return Object.entries(files).map(([name, [filename, content]]) => ({ name, body: fileOf(filename, content), refused }));
}
