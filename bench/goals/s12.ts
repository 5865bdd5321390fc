import { once } from 'node:events';
import { join } from 'node:path';
import type { Benchmark, Pair, Stage, Table } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { measured } from '../support/load.ts';
import { type Person, register, type Service, startPostgres, startService } from '../support/service.ts';

/** After some commands: what is resident when all garbage is collected. */
interface Reading {
  minutes: number;
  millions: number;
  megabytes: number;
}

const preload = join(import.meta.dirname, '..', 'support', 'collect-on-demand.ts');
/** So few that within the first minutes each has the thousand commands that are remembered of a task. */
const edited = 100;

/** Half an hour of commands: whatever the service remembers of them is bounded. */
export const benchmark: Benchmark = {
  id: 'S12',
  title: 'memory over thirty minutes of load',
  figures: [
    {
      id: 'S12',
      goal: 'resident size after a forced collection grows by ≤ 1 MB per million commands, the first five minutes dropped',
      bound: 1,
      direction: 'at_most',
    },
  ],
  ownRunOnly: true,
  minutes: 45,
  async run(stage) {
    const environment = { DATABASE_URL: await startPostgres(stage) };
    const service = await startService(stage, environment, ['--expose-gc', '--import', preload]);
    const readings = await keepLoading(stage, service, await register(service, 'worker'));
    const kept = readings.filter(({ minutes }) => minutes >= stage.pick(5, 0.2));
    const { slope, error } = slopeOf(kept);
    stage.say(`  ${slope.toFixed(2)} ± ${error.toFixed(2)} MB per million commands`);
    const pairs: Pair[] = [slope - 2 * error, slope, slope + 2 * error].map((value) => [value, 1]);
    const note = `${kept.length} readings over ${kept.at(-1)!.millions.toFixed(1)} million commands; min and max are two standard errors of the slope away.`;
    return { figures: { S12: { pairs, unit: 'MB per million', note } }, tables: [tableOf(readings)] };
  },
};

/** Rounds of new tasks, edits of old ones and their way through the workflow, with a reading behind each. */
async function keepLoading(stage: Stage, service: Service, { token }: Person): Promise<Reading[]> {
  const paths = await tasksToEdit(service, token);
  const common = { headers: { authorization: `Bearer ${token}` }, connections: 32, unique: 'idempotency-key' };
  const seconds = stage.pick(10, 2);
  const readings: Reading[] = [];
  const since = performance.now();
  const minutes = () => (performance.now() - since) / 60_000;
  for (let commands = 0, round = 0; minutes() < stage.pick(30, 0.8); round++) {
    const create = { ...createTask({ token }), ...common, seconds };
    const edit = { ...common, method: 'PATCH', paths, seconds, bodies: texts(round).map((description) => JSON.stringify({ description })) };
    const tag = {
      ...common,
      method: 'PATCH',
      paths,
      seconds,
      bodies: texts(round).map((text) => JSON.stringify({ tags: [text.slice(-9)] })),
    };
    for (const [name, work] of Object.entries({ create, edit, tag })) {
      const { rate } = await measured(stage, name, service, work);
      // What was answered while connections opened and closed is not in the rate, and is a hundredth.
      commands += rate * seconds;
    }
    const megabytes = await collected(service);
    readings.push({ minutes: minutes(), millions: commands / 1e6, megabytes });
    stage.say(`  ${minutes().toFixed(1)} minutes, ${(commands / 1e6).toFixed(2)} million commands: ${megabytes.toFixed(1)} MB`);
  }
  return readings;
}

async function tasksToEdit({ ask }: Service, token: string): Promise<string[]> {
  const paths: string[] = [];
  while (paths.length < edited) paths.push(`/api/v1/tasks/${(await ask('POST', '/tasks', { title: 'Water the plants' }, token)).id}`);
  return paths;
}

/** Texts that none of the tasks has yet. */
function texts(round: number): string[] {
  return Array.from({ length: edited }, (_, n) => `All of them, also the cactus ${round}-${n}`);
}

async function collected({ child }: Service): Promise<number> {
  child.send('collect');
  const [{ resident }] = await once(child, 'message', { signal: AbortSignal.timeout(60_000) });
  return resident / 1024 ** 2;
}

/** Of the line through the readings by least squares, with its standard error. */
function slopeOf(readings: readonly Reading[]): { slope: number; error: number } {
  const mean = (of: (reading: Reading) => number) => readings.reduce((sum, reading) => sum + of(reading), 0) / readings.length;
  const [x, y] = [mean(({ millions }) => millions), mean(({ megabytes }) => megabytes)];
  const spread = readings.reduce((sum, { millions }) => sum + (millions - x) ** 2, 0);
  const slope = readings.reduce((sum, { millions, megabytes }) => sum + (millions - x) * (megabytes - y), 0) / spread;
  const rest = readings.reduce((sum, { millions, megabytes }) => sum + (megabytes - y - slope * (millions - x)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (readings.length - 2) / spread) };
}

function tableOf(readings: readonly Reading[]): Table {
  const every = Math.ceil(readings.length / 15);
  return {
    title: 'Memory under load',
    columns: ['minutes', 'million commands', 'resident MB after a collection'],
    rows: readings
      .filter((_, nth) => nth % every === 0 || nth === readings.length - 1)
      .map(({ minutes, millions, megabytes }) => [minutes.toFixed(1), millions.toFixed(2), megabytes.toFixed(1)]),
  };
}
