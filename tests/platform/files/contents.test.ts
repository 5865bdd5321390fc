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
    ['a.txt', 'BMW und Größe ✓', 'text/plain'],
    ['a.txt', '\ufeffwith a mark', 'text/plain'],
    ['a.md', '<?xml?> is how it begins', 'text/markdown'],
    ['a.csv', 'a;b\r\n1;2', 'text/csv'],
    ['a.zip', archive, 'application/zip'],
    ['a.zip', zip({}), 'application/zip'],
    ['a.zip', docx, 'application/zip'],
    ['a.docx', docx, 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
    ['a.xlsx', xlsx, 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
    ['a.doc', compound('WordDocument'), 'application/msword'],
    ['a.xyz', 'what nobody knows', 'application/octet-stream'],
  ])('%s', async (name, content, type) => expect(await typeOf(name, content)).toBe(type));

  test('also a character that comes in two pieces', async () => {
    expect(await typeOf('a.txt', 'ß✓💩'.repeat(50), 1)).toBe('text/plain');
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
    ['bytes as text', 'a.txt', Buffer.from([0x61, 0xff, 0x62])],
    ['text with NUL', 'a.txt', 'a\0b'],
    ['UTF-16', 'a.txt', Buffer.from('\ufeffhello', 'utf16le')],
    ['half a character', 'a.csv', Buffer.from([0x61, 0xe2, 0x9c])],
    ['a document as text', 'a.txt', pdf],
    ['RTF as text', 'a.md', '{\\rtf1 hello}'],
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
