import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from './environment.ts';
import { type Result, saved, type Tables } from './results.ts';
import { markdownTable, resultColumns, resultRow } from './text-table.ts';

const page = join(import.meta.dirname, '..', '..', 'docs', 'performance.md');

/** Bars above it tell nothing more. */
const tallestBar = 3;

type Figure = Result & { environment: Environment };

/** Writes the latest figures and tables into the documentation, between their marks. @returns what it did */
export async function writePerformancePage(): Promise<string> {
  const { results, tables } = await saved();
  const figures = latest(results.flatMap(({ environment, goals }) => goals.map((goal) => ({ ...goal, environment }))));
  const text = await readFile(page, 'utf8');
  const shown = figures.length === 0 ? '' : [chart(figures), table(figures), environments(figures)].join('\n\n');
  await writeFile(page, between(between(text, 'figures', shown), 'tables', latestTables(tables)));
  return `${page} tells ${figures.length} figures`;
}

/** Of each id the first, which is the latest. */
function latest(figures: readonly Figure[]): Figure[] {
  const byId = new Map<string, Figure>();
  for (const figure of figures) if (!byId.has(figure.id)) byId.set(figure.id, figure);
  return [...byId.values()].sort((one, other) => one.id.localeCompare(other.id, 'en', { numeric: true }));
}

function chart(figures: readonly Figure[]): string {
  const heights = figures.map(({ ratio, bound, direction }) => {
    const times = direction === 'at_least' ? ratio / bound : bound / ratio;
    return Math.min(tallestBar, Math.max(0, times)).toFixed(2);
  });
  return [
    '```mermaid',
    'xychart-beta',
    '  title "How far each goal is reached: 1 is the goal, above it is better"',
    `  x-axis [${figures.map(({ id }) => `"${id}"`).join(', ')}]`,
    `  y-axis "times the goal" 0 --> ${tallestBar}`,
    `  bar [${heights.join(', ')}]`,
    `  line [${heights.map(() => 1).join(', ')}]`,
    '```',
  ].join('\n');
}

function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [...resultRow(figure), `\`${figure.command}\``]);
  const notes = figures.flatMap(({ id, note }) => (note === undefined ? [] : [`- ${id}: ${note}`]));
  return [markdownTable({ columns: [...resultColumns, 'command'], rows }), notes.join('\n')].join('\n\n').trimEnd();
}

/** Every run that a figure is of. */
function environments(figures: readonly Figure[]): string {
  const runs = new Map<string, { environment: Environment; ids: string[] }>();
  for (const { id, environment } of figures) {
    const run = runs.get(environment.measured_at) ?? { environment, ids: [] };
    run.ids.push(id);
    runs.set(environment.measured_at, run);
  }
  return [...runs.values()].map(({ environment, ids }) => `Measured ${describe(environment)}: ${ids.join(', ')}.`).join('\n\n');
}

function describe(of: Environment): string {
  const loads = `${of.load_average_before[0]} before and ${of.load_average_after[0]} after`;
  return [
    `on ${of.measured_at.slice(0, 10)}`,
    `${of.cpu} with ${of.cores} cores and ${of.memory_gb} GB`,
    of.system,
    `Node ${of.node}`,
    of.postgresql,
    `a flush to disk takes ${of.flush_ms} ms`,
    `load average ${loads}`,
  ].join(', ');
}

function latestTables(tables: readonly Tables[]): string {
  const told = new Set<string>();
  const texts: string[] = [];
  for (const { environment, tables: of } of tables) {
    const fresh = of.filter((table) => !told.has(table.of));
    for (const { title, note, of, ...table } of fresh) {
      const where = `\`npm run bench -- ${of}\`, ${environment.measured_at.slice(0, 10)}.`;
      texts.push([`### ${title}`, markdownTable(table), [note, where].filter(Boolean).join(' ')].join('\n\n'));
    }
    for (const { of } of fresh) told.add(of);
  }
  return texts.join('\n\n');
}

function between(text: string, mark: string, content: string): string {
  const [start, end] = [`<!-- ${mark} -->`, `<!-- end of ${mark} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${page} has no ${start} … ${end}`);
  return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`;
}
