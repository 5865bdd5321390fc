import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { locateBinaries } from '../../src/platform/postgres/binaries.ts';
import { median } from './pairs.ts';

/** Where figures were measured: without it they say nothing. */
export interface Environment {
  measured_at: string;
  cpu: string;
  cores: number;
  memory_gb: number;
  system: string;
  node: string;
  postgresql: string;
  eventstoredb: string | null;
  pgbench: string | null;
  /** Of the libraries that requests go through. */
  libraries: Record<string, string>;
  commit: string | null;
  /** The median of a write of a page and its way to the disk, where the databases of the benchmarks live. */
  flush_ms: number;
  load_average_before: number[];
  load_average_after: number[];
  quick: boolean;
}

export async function describeEnvironment(quick: boolean): Promise<Environment> {
  const { postgres } = await locateBinaries();
  const load = loadavg().map((value) => Math.round(value * 100) / 100);
  return {
    measured_at: new Date().toISOString(),
    cpu: cpus()[0]!.model,
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.version,
    postgresql: firstLine(postgres, '--version') ?? 'unknown',
    eventstoredb: firstLine('eventstored', '--version'),
    pgbench: firstLine('pgbench', '--version'),
    libraries: versionsOf('express', 'pg', 'kysely', 'zod', 'jose', 'pino', '@eventstore/db-client'),
    commit: firstLine('git', '-C', import.meta.dirname, 'rev-parse', '--short', 'HEAD'),
    flush_ms: flushLatency(),
    load_average_before: load,
    load_average_after: load,
    quick,
  };
}

/** The load of the machine now that all is measured. */
export function finished(environment: Environment): Environment {
  return { ...environment, load_average_after: loadavg().map((value) => Math.round(value * 100) / 100) };
}

function flushLatency(): number {
  const directory = mkdtempSync(join(tmpdir(), 'tasktrail-flush-'));
  const file = openSync(join(directory, 'page'), 'w');
  try {
    const page = Buffer.alloc(8192, 1);
    const times = Array.from({ length: 200 }, (_, n) => {
      const since = performance.now();
      writeSync(file, page, 0, page.length, n * page.length);
      fdatasyncSync(file);
      return performance.now() - since;
    });
    return Math.round(median(times.sort((a, b) => a - b)) * 1000) / 1000;
  } finally {
    closeSync(file);
    rmSync(directory, { recursive: true });
  }
}

function firstLine(program: string, ...given: string[]): string | null {
  try {
    const text = execFileSync(program, given, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 });
    return text.trim().split('\n')[0]!;
  } catch {
    return null;
  }
}

function versionsOf(...names: string[]): Record<string, string> {
  const modules = join(import.meta.dirname, '..', '..', 'node_modules');
  return Object.fromEntries(names.map((name) => [name, JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version]));
}
