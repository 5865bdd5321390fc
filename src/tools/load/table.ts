import { howToLift } from './limits.ts';
import type { KindReport, LoadReport } from './tally.ts';

const columns: [title: string, value: (kind: KindReport) => string][] = [
  ['request', ({ kind }) => kind],
  ['count', ({ count }) => String(count)],
  ['per second', ({ per_second }) => per_second.toFixed(1)],
  ['p50 ms', ({ p50 }) => p50.toFixed(1)],
  ['p95 ms', ({ p95 }) => p95.toFixed(1)],
  ['p99 ms', ({ p99 }) => p99.toFixed(1)],
  ['max ms', ({ max }) => max.toFixed(1)],
  ['errors', ({ errors }) => String(errors)],
];

/** The report for people. */
export function table({ kinds, total, errors, users, seconds, url }: LoadReport): string {
  const rows = [columns.map(([title]) => title), ...[...kinds, total].map((kind) => columns.map(([, value]) => value(kind)))];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  const wrong = Object.entries(errors).map(([error, count]) => `  ${error}: ${count}`);
  return [
    `${users} users, one request after the other each, for ${seconds.toFixed(1)} s, at ${url ?? 'a service started for it, without limits'}:`,
    ...rows.map(line),
    ...(wrong.length > 0 ? ['errors:', ...wrong] : ['no errors']),
    ...('429 RATE_LIMITED' in errors ? [`The service limits how much one person asks: ${howToLift}`] : []),
  ].join('\n');
}
