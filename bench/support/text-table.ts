import type { Table } from './benchmark.ts';
import type { Result, Results } from './results.ts';

/** A table for a terminal. */
export function textTable({ columns, rows }: Pick<Table, 'columns' | 'rows'>): string {
  const lines = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A table in Markdown. */
export function markdownTable({ columns, rows }: Pick<Table, 'columns' | 'rows'>): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}

export const resultColumns = ['', 'goal', 'ratio', 'min to max', 'verdict', 'subject', 'baseline', 'baseline spreads'];

export function resultRow({ id, goal, ratio, min, max, verdict, subject, baseline, unit, baseline_spread }: Result): string[] {
  const both = [subject, baseline].map((value) => `${amount(value)} ${unit}`);
  return [
    id,
    goal,
    `${ratio.toFixed(2)} ×`,
    `${min.toFixed(2)} to ${max.toFixed(2)}`,
    verdict,
    ...both,
    `${(baseline_spread * 100).toFixed(0)} %`,
  ];
}

export function resultTable({ goals }: Results): string {
  return textTable({ columns: resultColumns, rows: goals.map(resultRow) });
}

function amount(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}
