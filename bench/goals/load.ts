import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LoadReport } from '../../src/tools/load/tally.ts';
import type { Benchmark, Stage, Table } from '../support/benchmark.ts';
import { loadMix } from '../support/load.ts';
import { alternating, medianOf } from '../support/pairs.ts';
import type { Percentiles } from '../support/percentiles.ts';
import { type Service, startPostgres, startService } from '../support/service.ts';

const run = promisify(execFile);
const tool = join(import.meta.dirname, '..', '..', 'src', 'tools', 'load.ts');
const users = 16;

type Times = Record<string, Pick<Percentiles, 'p50' | 'p95' | 'p99'>>;

/** `npm run load` and the suite are to tell the same of the same work. */
export const benchmark: Benchmark = {
  id: 'load',
  title: 'what `npm run load` tells, against what the suite measures for the same work',
  figures: [],
  ownRunOnly: true,
  async run(stage) {
    const service = await startService(stage, { DATABASE_URL: await startPostgres(stage) });
    const seconds = stage.pick(5, 1);
    const pairs = await alternating(
      stage,
      () => byTool(stage, service, seconds),
      async () => tell(stage, 'by the suite', await loadMix(stage, { port: service.port, users, seconds })),
    );
    return { figures: {}, tables: [tableOf(pairs)] };
  },
};

async function byTool(stage: Stage, { port }: Service, seconds: number): Promise<Times> {
  const given = ['--users', String(users), '--seconds', String(seconds), '--url', `http://127.0.0.1:${port}`, '--json'];
  const stopping = new AbortController();
  stage.closing.add('npm run load', async () => stopping.abort());
  const { stdout } = await run(process.execPath, [tool, ...given], { signal: stopping.signal });
  const { kinds, total, errors } = JSON.parse(stdout) as LoadReport;
  if (total.errors > 0) throw new Error(`npm run load met errors: ${JSON.stringify(errors)}`);
  return tell(stage, 'by the tool', Object.fromEntries([...kinds, total].map((report) => [report.kind, report])));
}

function tell({ say }: Stage, name: string, times: Times): Times {
  const { p50, p95, p99 } = times.all!;
  say(`  ${name.padEnd(12)} p50 ${p50.toFixed(2)} ms, p95 ${p95.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
  return times;
}

function tableOf(pairs: readonly (readonly [Times, Times])[]): Table {
  const figures = ['p50', 'p95', 'p99'] as const;
  const rows = Object.keys(pairs[0]![0]).map((kind) => [
    kind,
    ...figures.flatMap((figure) => {
      const both = ([0, 1] as const).map((side) => medianOf(pairs.map((pair) => pair[side][kind]![figure])).toFixed(2));
      return [both.join(' / '), `${medianOf(pairs.map(([one, other]) => one[kind]![figure] / other[kind]![figure])).toFixed(2)} ×`];
    }),
  ]);
  return {
    title: 'The load tool beside the suite',
    columns: ['request', ...figures.flatMap((figure) => [`${figure} ms, tool / suite`, 'ratio'])],
    rows,
    note: `\`npm run load\` with ${users} users, and the same mix driven over bare sockets and timed by the suite; medians of ${pairs.length} rounds in turn.`,
  };
}
