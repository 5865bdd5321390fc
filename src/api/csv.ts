type Cell = string | number | boolean | null | undefined;

/**
 * What a spreadsheet may run: a formula, also behind white space and characters that have no width, and a control character. Some read
 * full-width signs like the others. A text that begins with an apostrophe is among them, so that each apostrophe that is there has been added.
 */
const guarded = /^(?:['\p{Cc}]|[\s\p{Z}\p{Cf}]*[=+\-@＝＋－＠])/u;

/** What separates cells or lines for some spreadsheet: outside of quotes it would begin another cell. */
const separating = /[",;\t\r\n\v\f\u0085\u2028\u2029]/;

/** UTF-8 is recognised by Excel only behind a byte-order mark. */
export const byteOrderMark = '\ufeff';

/**
 * One line of CSV (RFC 4180). A text that a spreadsheet would run gets an apostrophe before it, so that it is shown; removing one apostrophe
 * from the beginning of a cell restores its text.
 */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  if (guarded.test(cell)) return quoted(`'${cell}`);
  return separating.test(cell) ? quoted(cell) : cell;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
