import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Benchmark, Figure, Outcome, Table } from './benchmark.ts';
import type { Environment } from './environment.ts';
import { judge, medianOf, type Verdict } from './pairs.ts';

/** One figure, as it is kept. */
export interface Result {
  id: string;
  goal: string;
  bound: number;
  direction: Figure['direction'];
  ratio: number;
  min: number;
  max: number;
  verdict: Verdict;
  /** What measures it again. */
  command: string;
  /** The medians of both sides, in the unit. */
  subject: number;
  baseline: number;
  unit: string;
  baseline_spread: number;
  rounds: number;
  note?: string;
}

export interface Results {
  environment: Environment;
  goals: Result[];
}

/** Tables beside the figures, by the benchmark that they come from. */
export interface Tables {
  environment: Environment;
  tables: (Table & { of: string })[];
}

const directory = join(import.meta.dirname, '..', 'results');

export function resultsOf({ id, figures }: Benchmark, outcome: Outcome, quick: boolean): Result[] {
  return figures.map((figure) => {
    const measured = outcome.figures[figure.id];
    if (!measured) throw new Error(`${figure.id} was not measured`);
    const { ratio, min, max, baselineSpread, verdict } = judge(figure, measured);
    return {
      id: figure.id,
      goal: figure.goal,
      bound: figure.bound,
      direction: figure.direction,
      ratio: round(ratio),
      min: round(min),
      max: round(max),
      verdict,
      command: `npm run bench -- ${id}${quick ? ' --quick' : ''}`,
      subject: round(medianOf(measured.pairs.map(([subject]) => subject))),
      baseline: round(medianOf(measured.pairs.map(([, baseline]) => baseline))),
      unit: measured.unit,
      baseline_spread: round(baselineSpread),
      rounds: measured.pairs.length,
      ...(measured.note !== undefined && { note: measured.note }),
    };
  });
}

/**
 * Keeps what a run has measured so far: a run of everything as `<date>.json`, one of some benchmarks with their ids behind the date, a
 * quick one with `quick`, which is not committed.
 * @returns the path of the file
 */
export async function save(asked: readonly string[], results: Results, tables: Tables['tables']): Promise<string> {
  const { environment } = results;
  const name = [environment.measured_at.slice(0, 10), ...asked, ...(environment.quick ? ['quick'] : [])].join('-');
  await mkdir(join(directory, 'tables'), { recursive: true });
  const path = join(directory, `${name}.json`);
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`);
  if (tables.length > 0)
    await writeFile(join(directory, 'tables', `${name}.json`), `${JSON.stringify({ environment, tables }, null, 2)}\n`);
  return path;
}

/** Everything that whole runs have measured, the latest first. */
export async function saved(): Promise<{ results: Results[]; tables: Tables[] }> {
  return { results: await readAll<Results>(directory), tables: await readAll<Tables>(join(directory, 'tables')) };
}

async function readAll<T extends { environment: Environment }>(from: string): Promise<T[]> {
  const names = (await readdir(from).catch(() => [])).filter((name) => name.endsWith('.json'));
  const read = await Promise.all(names.map(async (name) => JSON.parse(await readFile(join(from, name), 'utf8')) as T));
  return read
    .filter(({ environment }) => !environment.quick)
    .sort((one, other) => other.environment.measured_at.localeCompare(one.environment.measured_at));
}

function round(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value;
}
