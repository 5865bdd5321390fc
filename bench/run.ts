import { rmSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClosing } from '../src/platform/closing.ts';
import { type Benchmark, CannotBeMeasured, type Stage } from './support/benchmark.ts';
import { describeEnvironment, finished } from './support/environment.ts';
import { writePerformancePage } from './support/performance-page.ts';
import { type Results, resultsOf, save, type Tables } from './support/results.ts';
import { resultTable, textTable } from './support/text-table.ts';

// Measures what is asked for, or everything that is not for a run of its own: npm run bench -- [S1 …] [--quick]

const usualMinutes = 10;
const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean', default: false } } });
const { quick } = values;
const chosen = choose(await allBenchmarks(), positionals);
const asked = positionals.length > 0 ? chosen.map(({ id }) => id) : [];
const say = (line: string) => console.error(line);
let underWay: Stage | undefined;
// What takes minutes to build may be kept from run to run by whoever works on the benchmarks.
const kept = process.env.BENCH_CACHE;
const shared = kept ?? (await mkdtemp(join(tmpdir(), 'tasktrail-bench-shared-')));
process.on('exit', () => kept === undefined && rmSync(shared, { recursive: true, force: true }));
const environment = await describeEnvironment(quick);
const results: Results = { environment, goals: [] };
const tables: Tables['tables'] = [];
const faults: string[] = [];
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.once(signal, async () => {
    say(`${signal}: closing what is open`);
    await underWay?.closing.close();
    if (!quick && results.goals.length > 0) await writePerformancePage();
    process.exit(128 + number);
  });
}

const since = performance.now();
for (const benchmark of chosen) {
  const { id, title } = benchmark;
  const begun = performance.now();
  say(`\n${id}: ${title}`);
  try {
    const outcome = await onItsOwnStage(benchmark);
    results.goals.push(...resultsOf(benchmark, outcome, quick));
    tables.push(...(outcome.tables ?? []).map((table) => ({ of: id, ...table })));
    // What was measured stays, whatever becomes of the rest.
    await save(asked, { ...results, environment: finished(environment) }, tables);
  } catch (error) {
    if (error instanceof CannotBeMeasured) say(`${id} is left out: ${error.message}`);
    else {
      faults.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
      say(`${id} failed: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  say(`${id} took ${((performance.now() - begun) / 1000).toFixed(0)} s`);
}
results.environment = finished(environment);
const path = results.goals.length + tables.length > 0 ? await save(asked, results, tables) : 'nothing was measured';
for (const table of tables) console.log(`\n${table.title}\n${textTable(table)}`);
console.log(`\n${resultTable(results)}`);
console.log(`\n${((performance.now() - since) / 60_000).toFixed(1)} minutes; ${path}`);
if (!quick && faults.length < chosen.length) console.log(await writePerformancePage());
for (const fault of faults) console.log(`failed: ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);

/** Runs it in a directory of its own, and leaves nothing of it behind. */
async function onItsOwnStage(benchmark: Benchmark) {
  const closing = createClosing((name, error) => say(`${name} could not be closed: ${error}`));
  const directory = await mkdtemp(join(tmpdir(), `tasktrail-bench-${benchmark.id.toLowerCase()}-`));
  closing.add('directory', () => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const stage: Stage = { rounds: quick ? 2 : 5, quick, pick: (full, short) => (quick ? short : full), directory, shared, closing, say };
  underWay = stage;
  const minutes = benchmark.minutes ?? usualMinutes;
  const timer = Promise.withResolvers<never>();
  const late = setTimeout(() => timer.reject(new Error(`not done within ${minutes} minutes`)), minutes * 60_000);
  try {
    const work = benchmark.run(stage);
    work.catch(() => {});
    return await Promise.race([work, timer.promise]);
  } finally {
    clearTimeout(late);
    await closing.close();
    underWay = undefined;
  }
}

async function allBenchmarks(): Promise<Benchmark[]> {
  const directory = join(import.meta.dirname, 'goals');
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ts'));
  const modules = await Promise.all(names.map((name) => import(join(directory, name)) as Promise<{ benchmark: Benchmark }>));
  // What is promised comes first.
  const inOrder = (one: Benchmark, other: Benchmark) =>
    Number(one.figures.length === 0) - Number(other.figures.length === 0) || one.id.localeCompare(other.id, 'en', { numeric: true });
  return modules.map(({ benchmark }) => benchmark).sort(inOrder);
}

function choose(all: readonly Benchmark[], ids: readonly string[]): Benchmark[] {
  if (ids.length === 0) return all.filter(({ ownRunOnly }) => !ownRunOnly);
  const unknown = ids.filter((id) => !all.some((benchmark) => isCalled(benchmark, id)));
  if (unknown.length === 0) return all.filter((benchmark) => ids.some((id) => isCalled(benchmark, id)));
  console.error(`There is no benchmark ${unknown.join(', ')}: there are ${all.map(({ id }) => id).join(', ')}`);
  process.exit(2);
}

function isCalled(benchmark: Benchmark, id: string): boolean {
  return benchmark.id.toLowerCase() === id.toLowerCase();
}
