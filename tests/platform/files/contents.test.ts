import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WrongContent } from '../../../src/platform/files/content-watch.ts';
import { watchContent } from '../../../src/platform/files/contents.ts';
import { compound, docx, withMacros, xlsx, zip } from '../../support/archives.ts';
import { png } from '../../support/uploads.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'contents-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const jpeg = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');
const gif = Buffer.concat([Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00', 'latin1'), Buffer.from('3b', 'hex')]);
const webp = Buffer.from('RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00', 'latin1');
const pdf = '%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n';
const archive = zip({ 'a.txt': 'Hello' });

/** The media type, from bytes that come a few at a time. */
async function typeOf(name: string, content: string | Buffer, step = 700): Promise<string> {
  const bytes = Buffer.from(content as string);
  const path = join(directory, 'file');
  await writeFile(path, bytes);
  const watch = watchContent(extname(name));
  for (let at = 0; at < bytes.length; at += step) await watch.chunk(bytes.subarray(at, at + step));
  return watch.end(path, bytes.length);
}

describe('what is as its name says has a type', () => {
  test.each<[string, string | Buffer, string]>([
    ['a.png', png, 'image/png'],
    ['a.jpg', jpeg, 'image/jpeg'],
    ['a.jpeg', jpeg, 'image/jpeg'],
    ['a.gif', gif, 'image/gif'],
    ['a.webp', webp, 'image/webp'],
    ['a.pdf', pdf, 'application/pdf'],
    ['a.pdf', `${pdf}${'x'.repeat(10_000)}`, 'application/pdf'],
    ['a.txt', 'BMW und Größe ✓', 'text/plain; charset=utf-8'],
    ['a.txt', '\ufeffwith a mark', 'text/plain; charset=utf-8'],
    ['a.md', '<?xml?> is how it begins', 'text/markdown; charset=utf-8'],
    ['a.csv', 'a;b\r\n1;2', 'text/csv; charset=utf-8'],
    ['a.csv', Buffer.from('BMW;Größe', 'latin1'), 'text/csv'],
    ['a.txt', Buffer.from([0x61, 0xe2, 0x9c]), 'text/plain'],
    ['a.txt', Buffer.from('\ufeffhello ✓', 'utf16le'), 'text/plain'],
    ['a.txt', Buffer.from('\ufeff', 'utf16le'), 'text/plain'],
    ['a.txt', '\u001b$B\f\u001a', 'text/plain; charset=utf-8'],
    ['a.txt', 'a', 'text/plain; charset=utf-8'],
    ['a.yml', 'größe: 1', 'application/yaml'],
    ['a.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'text/plain; charset=utf-8'],
    ['a.xml', Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><ä/>', 'latin1'), 'application/xml'],
    ['a.zip', archive, 'application/zip'],
    ['a.zip', zip({}), 'application/zip'],
    ['a.zip', docx, 'application/zip'],
    ['a.docx', docx, 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
    ['a.xlsx', xlsx, 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
    ['a.doc', compound('WordDocument'), 'application/msword'],
    ['a.xyz', 'what nobody knows', 'application/octet-stream'],
  ])('%s', async (name, content, type) => expect(await typeOf(name, content)).toBe(type));

  test('also a character that comes in two pieces', async () => {
    expect(await typeOf('a.txt', 'ß✓💩'.repeat(50), 1)).toBe('text/plain; charset=utf-8');
    expect(await typeOf('a.txt', Buffer.from('\ufeffß✓💩', 'utf16le'), 1)).toBe('text/plain');
  });
});

describe('what is not, has none', () => {
  test.each<[string, string, string | Buffer]>([
    ['nothing of a picture', 'a.png', 'hello'],
    ['a page as a picture', 'a.png', '<html><script>alert(1)</script></html>'],
    ['a program as a picture', 'a.jpg', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)])],
    ['a picture of another kind', 'a.png', jpeg],
    ['a picture as a document', 'a.pdf', png],
    ['a picture of an unknown name', 'a.xyz', png],
    ['a document behind a picture', 'a.pdf', Buffer.concat([png, Buffer.from(pdf)])],
    ['half a beginning', 'a.png', png.subarray(0, 4)],
    ['text with NUL', 'a.txt', 'a\0b'],
    ['UTF-16 without a mark', 'a.txt', Buffer.from('hello', 'utf16le')],
    ['half a character of UTF-16', 'a.txt', Buffer.from([0xff, 0xfe, 0x61])],
    ['a program behind a mark of UTF-16', 'a.txt', Buffer.from([0xfe, 0xff, 0x4d, 0x5a, 0xdc, 0x00, 0x00, 0x00])],
    ['an archive behind UTF-16', 'a.txt', Buffer.concat([Buffer.from('\ufeffhello', 'utf16le'), zip({})])],
    ['a document behind a mark of UTF-16', 'a.txt', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('%PDF-1.7\n\n')])],
    ['a document as text', 'a.txt', pdf],
    ['a document behind a mark as text', 'a.txt', `\ufeff${pdf}`],
    ['RTF as text', 'a.md', '{\\rtf1 hello}'],
    ['a compressed file without NUL as text', 'a.csv', Buffer.from('1f8b08083a5b6c6d02036101', 'hex')],
    ['a picture without NUL as text', 'a.log', Buffer.from('ffd8ffdb0101020304', 'hex')],
    ['an archive as a document', 'a.docx', archive],
    ['a table as a text document', 'a.docx', xlsx],
    ['a text document as a table', 'a.xlsx', docx],
    ['a document with macros', 'a.docx', withMacros],
    ['RTF as a document', 'a.doc', '{\\rtf1 hello}'],
    ['an installer as a document', 'a.doc', compound('Property')],
    ['an archive that is cut off', 'a.zip', archive.subarray(0, archive.length - 30)],
    ['an archive behind a program', 'a.zip', Buffer.concat([Buffer.from('MZ'), archive])],
    ['a picture and an archive', 'a.gif', Buffer.concat([gif, archive])],
    ['a picture, an archive and a little', 'a.png', Buffer.concat([png, archive, Buffer.from('   ')])],
    ['a document and an archive', 'a.pdf', Buffer.concat([Buffer.from(pdf), archive])],
    ['a document and an archive in an old document', 'a.doc', Buffer.concat([compound('WordDocument'), archive])],
    ['a picture and a document', 'a.jpg', Buffer.concat([jpeg, Buffer.from(pdf)])],
    ['an archive and a document', 'a.zip', zip({ 'a.pdf': pdf })],
  ])('%s', async (_, name, content) => {
    await expect(typeOf(name, content)).rejects.toThrow(WrongContent);
  });
});
