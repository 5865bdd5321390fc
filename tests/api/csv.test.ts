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

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', '=HYPERLINK("http://x","y")'])(
    'shows %j instead of running it',
    (cell) => {
      expect(csvLine([cell])).toBe(`"'${cell.replaceAll('"', '""')}"\r\n`);
    },
  );

  test('is read back cell by cell as it was, but for the apostrophe', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 2 }), (cells) => {
        expect(parsed(csvLine(cells))).toEqual(cells.map((cell) => (/^[=+\-@\t\r\n＝＋－＠]/.test(cell) ? `'${cell}` : cell)));
      }),
    );
  });
});

/** The cells of one record, by RFC 4180. */
function parsed(line: string): string[] {
  const cells = [...`,${line.slice(0, -2)}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)];
  return cells.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!);
}
