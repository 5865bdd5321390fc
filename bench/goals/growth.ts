import { type Cost, costsAt } from '../growth/growth.ts';
import type { Benchmark, Table } from '../support/benchmark.ts';

/** A million tasks are long in the making: who has less time says how many are enough. */
const most = Number(process.env.BENCH_MOST_TASKS ?? Number.POSITIVE_INFINITY);

/** What every query costs on ten thousand, a hundred thousand and a million tasks, and how PostgreSQL finds its rows. */
export const benchmark: Benchmark = {
  id: 'growth',
  title: 'what every query costs as tasks become more',
  ownRunOnly: true,
  minutes: 150,
  figures: [],
  async run(stage) {
    const sizes = stage.pick([10_000, 100_000, 1_000_000], [1_000, 5_000]).filter((tasks) => tasks <= most);
    const costs: Cost[] = [];
    for (const tasks of sizes) costs.push(...(await costsAt(stage, tasks)));
    const scans = costs.filter(({ tasks, plan }) => tasks === sizes.at(-1) && plan.scanned.length > 0);
    stage.say(`  ${scans.length} queries scan a table that grows, with ${sizes.at(-1)} tasks`);
    return { figures: {}, tables: [...growthTables(costs, sizes), scansTable(scans, sizes.at(-1)!)] };
  },
};

/** One table for each reader, so that a person finds a query again. */
function growthTables(costs: readonly Cost[], sizes: readonly number[]): Table[] {
  return [...Map.groupBy(costs, ({ group }) => group)].map(([group, ofGroup]) => ({
    title: `Cost by growth: ${group}`,
    columns: ['query', ...sizes.map((tasks) => `p50, ${tasks.toLocaleString('en')} tasks`), 'pages', 'reads, with the most tasks'],
    rows: [...Map.groupBy(ofGroup, ({ name }) => name)].map(([name, ofName]) => {
      const at = (tasks: number) => ofName.find((cost) => cost.tasks === tasks);
      const { plan } = at(sizes.at(-1)!)!;
      return [name, ...sizes.map((tasks) => `${at(tasks)!.p50.toFixed(1)} ms`), plan.pages, plan.reads.slice(0, 3).join('; ')];
    }),
  }));
}

function scansTable(scans: readonly Cost[], tasks: number): Table {
  return {
    title: `Queries that read a table that grows from end to end, with ${tasks.toLocaleString('en')} tasks`,
    columns: ['reader', 'query', 'tables', 'p50'],
    rows: scans.map(({ group, name, plan, p50 }) => [group, name, plan.scanned.join(', '), `${p50.toFixed(1)} ms`]),
    note:
      scans.length === 0
        ? 'None.'
        : 'What reads a great part of a table reads it faster in one go than by an index; the rest is to be mended.',
  };
}
