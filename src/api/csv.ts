type Cell = string | number | boolean | null | undefined;

/** What a spreadsheet would take for a formula at the beginning of a cell; full-width forms are read like the others by some. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;

/** One line of CSV (RFC 4180). A text that a spreadsheet would run is quoted and gets an apostrophe before it, so that it is shown. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  if (formula.test(cell)) return quoted(`'${cell}`);
  return /[",\r\n]/.test(cell) ? quoted(cell) : cell;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
