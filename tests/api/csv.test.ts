import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { csvLine } from '../../src/api/csv.ts';

describe('a line of CSV', () => {
  test.each<[string, Parameters<typeof csvLine>[0], string]>([
    ['keeps plain cells as they are', ['a', 1, true, 'b c'], 'a,1,true,b c'],
    ['has nothing for null', [null, 'x', null], ',x,'],
    ['quotes commas, quotes and line ends', ['a,b', 'say "x"', 'c\nd', 'e\r'], '"a,b","say ""x""","c\nd","e\r"'],
    ['keeps negative numbers', [-1], '-1'],
  ])('%s', (_, cells, line) => {
    expect(csvLine(cells)).toBe(`${line}\r\n`);
  });

  test.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    '＝1',
    '=HYPERLINK("http://x","y")',
    "'=1",
    "'",
    '\u0007',
    ' =1',
    '\u00a0+1',
    '\u200b=1',
    '\ufeff @x',
  ])('shows %j instead of running it', (cell) => {
    expect(csvLine([cell])).toBe(`"'${cell.replaceAll('"', '""')}"\r\n`);
  });

  test.each(['x;=cmd', 'x\t=cmd', 'a;b'])('keeps %j in one cell for a spreadsheet that separates otherwise', (cell) => {
    expect(csvLine([cell])).toBe(`"${cell}"\r\n`);
  });

  const character = fc.oneof(
    {
      weight: 2,
      arbitrary: fc.constantFrom('=', '+', '-', '@', "'", ';', '\t', '"', ' ', '\u200b', '\ufeff', '\r', '\n', '\u2028', '\u0001'),
    },
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  );
  const anyText = fc.array(character, { maxLength: 6 }).map((characters) => characters.join(''));

  test('is read back cell by cell: removing one apostrophe restores the text', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 2 }), (cells) => {
        expect(parsed(csvLine(cells)).map((cell) => cell.replace(/^'/, ''))).toEqual(cells);
      }),
      { numRuns: 1_000 },
    );
  });

  test('has no cell that a spreadsheet would run, whether it separates by comma, semicolon or tab', () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom(',', ';', '\t'), (cell, separator) => {
        const read = parsed(csvLine([cell]), separator);
        expect(read).toHaveLength(1);
        expect(read[0]).not.toMatch(/^[\s\p{Cf}]*[=+\-@]/u);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The cells of one record, by RFC 4180. */
function parsed(line: string, separator = ','): string[] {
  const cells = [
    ...`${separator}${line.slice(0, -2)}`.matchAll(new RegExp(`${separator}(?:"((?:[^"]|"")*)"|([^"${separator}\\r\\n]*))`, 'g')),
  ];
  return cells.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!);
}
