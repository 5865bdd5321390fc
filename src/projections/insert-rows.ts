import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { slices } from '../platform/slices.ts';
import { writeRows } from './projection.ts';
import type { ProjectionClient } from './projection-client.ts';

/** From so many rows on, COPY is worth its two answers more. */
const MANY = 50;
/** So many rows become text in a millisecond or two. */
const IN_ONE_TURN = 250;

/** Inserts rows that are not there: many of them by COPY, where it can be, for which the database has half as much to do. */
export async function insertRows<Row extends object>(
  client: ProjectionClient,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
): Promise<void> {
  if (rows.length < MANY || !client.canCopy) return writeRows(client, table, columns, rows, '');
  await pipeline(lines(rows, columns), client.query(copyFrom(`copy ${table} (${columns.join(', ')}) from stdin`)));
}

/** Inserts those of the rows that are not there yet. They are rows of events, in the order of the log, with the events' positions for keys. */
export async function insertNewRows<Row extends { position: string }>(
  client: ProjectionClient,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
): Promise<void> {
  if (rows.length < MANY || !client.canCopy) return writeRows(client, table, columns, rows, 'on conflict (position) do nothing');
  const { rows: known } = await client.query<{ last: string | null }>(`select max(position) as last from ${table}`);
  const last = BigInt(known[0]?.last ?? 0);
  await insertRows(
    client,
    table,
    columns,
    rows.filter(({ position }) => BigInt(position) > last),
  );
}

async function* lines<Row extends object>(rows: readonly Row[], columns: readonly (keyof Row)[]): AsyncGenerator<string> {
  for await (const some of slices(rows, IN_ONE_TURN)) {
    let text = '';
    for (const row of some) text += `${columns.map((column) => field(row[column])).join('\t')}\n`;
    yield text;
  }
}

/** A value as COPY reads it. */
function field(value: unknown): string {
  if (typeof value === 'string') return escaped(value);
  if (value === null || value === undefined) return '\\N';
  if (Array.isArray(value)) return escaped(`{${value.map(element).join(',')}}`);
  return typeof value === 'object' ? escaped(JSON.stringify(value)) : String(value);
}

function element(value: unknown): string {
  return typeof value === 'string' ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : String(value);
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escaped(text: string): string {
  return text.replaceAll(/[\\\t\n\r]/g, (character) => escapes[character]!);
}
