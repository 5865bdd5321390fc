import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Client } from '../support/service.ts';

/**
 * Every row of every table of every schema as text, by table, and what the planner has seen of them: what a dump would hold. Bytes are
 * there as text too.
 */
export async function everyTable(connectionString: string): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'`,
    );
    const tables = new Map<string, string>();
    for (const { name } of rows) {
      const { rows: lines } = await client.query<{ line: string }>(`select kept::text as line from ${name} as kept`);
      tables.set(
        name,
        lines.map(({ line }) => line.replace(/\\\\x([0-9a-f]+)/g, (_, hex) => Buffer.from(hex, 'hex').toString('latin1'))).join('\n'),
      );
    }
    const { rows: samples } = await client.query<{ name: string; sample: string }>(
      `select format('the samples of %I.%I', schemaname, tablename) as name, coalesce(string_agg(s::text, ' '), '') as sample
         from pg_stats s where schemaname not in ('pg_catalog', 'information_schema') group by 1`,
    );
    for (const { name, sample } of samples) tables.set(name, sample);
    return tables;
  } finally {
    await client.end();
  }
}

/** Every file below a directory, by its path, which is part of what is kept. */
export async function everyFile(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = new Map<string, string>();
  for (const entry of entries.filter((some) => some.isFile())) {
    const path = join(entry.parentPath, entry.name);
    files.set(path, `${path}\n${(await readFile(path)).toString('latin1')}`);
  }
  return files;
}

/** Which of these words are kept, and where. */
export function found(words: readonly string[], ...places: readonly ReadonlyMap<string, string>[]): string[] {
  return places.flatMap((place) =>
    [...place].flatMap(([name, text]) =>
      words.filter((word) => text.toLowerCase().includes(word.toLowerCase())).map((word) => `${word} in ${name}`),
    ),
  );
}

/** Makes a read model again, the second time there is, and waits until it is read. */
export async function rebuilt(admin: Client, connectionString: string, name: string): Promise<void> {
  const { status } = await admin.post(`/admin/projections/${name}/rebuild`, {});
  if (status !== 202) throw new Error(`a rebuild of ${name} is answered with ${status}`);
  for (const until = Date.now() + 15_000; Date.now() < until; ) {
    const tables = await everyTable(connectionString);
    if (/\(\w+,\d+,2,live,/.test(generation(tables, name))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${name} is not made anew`);
}

function generation(tables: ReadonlyMap<string, string>, name: string): string {
  return tables
    .get('projections.generations')!
    .split('\n')
    .filter((line) => line.startsWith(`(${name},`))
    .join('\n');
}

/** The rows of a table in the n-th generation of its read model. */
export function linesOf(tables: ReadonlyMap<string, string>, table: string, made: number): string[] {
  const [model, name] = table.split('.');
  const [, text] = [...tables].find(([full]) => new RegExp(`^${model}_v\\d+_g${made}\\.${name}$`).test(full))!;
  return text.split('\n').sort();
}
