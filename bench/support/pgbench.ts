import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { CannotBeMeasured, type Stage } from './benchmark.ts';

const run = promisify(execFile);
const debian = '/usr/lib/postgresql';

// The row that the bare route inserts, into a table like its own.
const table = `create table if not exists pgbench_tasks (
  id uuid primary key, title text not null, description text not null, status text not null, priority text not null,
  created_at timestamptz not null default now())`;
const insert = `insert into pgbench_tasks (id, title, description, status, priority)
values (gen_random_uuid(), 'Water the plants', 'All of them, also the cactus', 'todo', 'high');
`;

export interface Pgbench {
  /** Inserts for so many seconds, 32 clients at once, prepared. @returns rows a second */
  insert(seconds: number): Promise<number>;
}

/** @throws CannotBeMeasured where there is no pgbench */
export async function createPgbench({ directory }: Stage, database: string): Promise<Pgbench> {
  const program = await locate();
  const script = join(directory, 'insert.sql');
  await writeFile(script, insert);
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query(table).finally(() => client.end());
  return {
    async insert(seconds) {
      const given = ['-n', '-M', 'prepared', '-c', '32', '-j', '2', '-T', String(seconds), '-f', script];
      const { stdout } = await run(program, [...given, database], { timeout: seconds * 1000 + 30_000 });
      const rate = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
      if (rate === undefined) throw new Error(`pgbench told no rate: ${stdout}`);
      return Number(rate);
    },
  };
}

async function locate(): Promise<string> {
  const versions = (await readdir(debian).catch(() => [])).sort((one, other) => Number(other) - Number(one));
  for (const program of ['pgbench', ...versions.map((version) => join(debian, version, 'bin', 'pgbench'))]) {
    const answers = await run(program, ['--version']).catch(() => undefined);
    if (answers) return program;
  }
  throw new CannotBeMeasured('pgbench is not installed');
}
