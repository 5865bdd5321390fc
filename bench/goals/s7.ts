import type { Benchmark, Pair } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { load, measured } from '../support/load.ts';
import { startPostgres, startService } from '../support/service.ts';
import { type Seen, watchWrites } from '../support/visible.ts';

/** How long until the read model has a write, at half of the load that the service can take, held against the write itself. */
export const benchmark: Benchmark = {
  id: 'S7',
  title: 'from a write to its row in the read model, at half of peak load',
  figures: [{ id: 'S7', goal: 'write to visible in the listing: p99 ≤ 3 × the p99 of the same writes', bound: 3, direction: 'at_most' }],
  async run(stage) {
    const database = await startPostgres(stage);
    const service = await startService(stage, { DATABASE_URL: database });
    const seconds = stage.pick(8, 3);
    const peak = await measured(stage, 'peak', service, { ...createTask(service), connections: 64, seconds: stage.pick(5, 2) });
    const arrivals = peak.rate / 2;
    const pairs: Pair[] = [];
    for (let round = 0; round <= stage.rounds; round++) {
      const watch = { port: service.port, token: service.token, database, model: 'listing', seconds };
      await settled(watch);
      const [seen, beside] = await Promise.all([
        watchWrites(watch),
        load(stage, { ...createTask(service), port: service.port, connections: 64, seconds, arrivals }),
      ]);
      const pair: Pair = [quantile(seen, 'visible', 0.99), quantile(seen, 'answered', 0.99)];
      const p50 = `p50 ${quantile(seen, 'visible', 0.5).toFixed(2)} and ${quantile(seen, 'answered', 0.5).toFixed(2)} ms`;
      stage.say(
        `  visible after ${pair[0].toFixed(2)} ms, written after ${pair[1].toFixed(2)} ms (p99 of ${seen.length}); ${p50}; beside ${Math.round(beside.rate)}/s`,
      );
      if (round > 0) pairs.push(pair);
    }
    const note = `beside ${Math.round(arrivals)} creations a second, half of what 64 connections reach; the time of a write is that of its HTTP request`;
    return { figures: { S7: { pairs, unit: 'ms', note } } };
  },
};

/** What a load before has left to be projected is none of the next one's. */
async function settled(watch: Parameters<typeof watchWrites>[0]): Promise<void> {
  await watchWrites({ ...watch, seconds: 0.001 });
}

function quantile(seen: readonly Seen[], what: keyof Seen, q: number): number {
  const sorted = seen.map((one) => one[what]).sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? Number.NaN;
}
