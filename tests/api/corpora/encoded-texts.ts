/** Texts as programs write them. Those that Node cannot write are given as bytes. */
export interface EncodedText {
  encoding: string;
  name: string;
  bytes: Buffer;
  /** What the service says of the file. */
  contentType: string;
}

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const bigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16();

export const encodedTexts: readonly EncodedText[] = [
  { encoding: 'ASCII', name: 'a.csv', bytes: Buffer.from('a;b\r\n'), contentType: 'text/csv; charset=utf-8' },
  { encoding: 'UTF-8', name: 'a.txt', bytes: Buffer.from('Größe ✓ 💩'), contentType: 'text/plain; charset=utf-8' },
  { encoding: 'UTF-8 with its mark', name: 'a.csv', bytes: Buffer.from('\ufeffGröße;1\r\n'), contentType: 'text/csv; charset=utf-8' },
  { encoding: 'Windows-1252, as Excel writes it', name: 'a.csv', bytes: Buffer.from('Größe;1\r\n', 'latin1'), contentType: 'text/csv' },
  { encoding: 'Windows-1252, its quotes', name: 'a.md', bytes: hex('93 71 94 20 80'), contentType: 'text/markdown' },
  {
    encoding: 'ISO-8859-1 at the very end',
    name: 'a.txt',
    bytes: Buffer.from(`${'a'.repeat(200_000)}ä`, 'latin1'),
    contentType: 'text/plain',
  },
  { encoding: 'UTF-16, little-endian', name: 'a.txt', bytes: Buffer.from('\ufeffGröße 💩\r\n', 'utf16le'), contentType: 'text/plain' },
  { encoding: 'UTF-16, big-endian', name: 'a.csv', bytes: bigEndian('\ufeffGröße;✓\r\n'), contentType: 'text/csv' },
  { encoding: 'Shift_JIS', name: 'a.csv', bytes: hex('93 fa 96 7b 8c ea 2c 83 65 83 58 83 67 0d 0a'), contentType: 'text/csv' },
  { encoding: 'EUC-JP', name: 'a.txt', bytes: hex('c6 fc cb dc b8 ec'), contentType: 'text/plain' },
  // Escape sequences in ASCII are also UTF-8.
  { encoding: 'ISO-2022-JP', name: 'a.txt', bytes: hex('1b 24 42 46 7c 4b 5c 1b 28 42'), contentType: 'text/plain; charset=utf-8' },
  { encoding: 'GB18030', name: 'a.md', bytes: hex('d6 d0 ce c4 81 30 84 36'), contentType: 'text/markdown' },
  { encoding: 'Big5', name: 'a.txt', bytes: hex('a4 a4 a4 e5'), contentType: 'text/plain' },
  { encoding: 'KOI8-R', name: 'a.txt', bytes: hex('f0 d2 c9 d7 c5 d4'), contentType: 'text/plain' },
  { encoding: 'the letters of a picture', name: 'a.csv', bytes: Buffer.from('BMW;Größe\r\n', 'latin1'), contentType: 'text/csv' },
  { encoding: 'Windows-1252 in a log', name: 'a.log', bytes: Buffer.from('Größe', 'latin1'), contentType: 'text/plain' },
  {
    encoding: 'Windows-1252 between tabs',
    name: 'a.tsv',
    bytes: Buffer.from('BMW\tGröße', 'latin1'),
    contentType: 'text/tab-separated-values',
  },
  { encoding: 'UTF-16 between tabs', name: 'a.tsv', bytes: Buffer.from('\ufeffa\tb', 'utf16le'), contentType: 'text/tab-separated-values' },
  { encoding: 'Windows-1252 in JSON', name: 'a.json', bytes: Buffer.from('"Größe"', 'latin1'), contentType: 'application/json' },
];
