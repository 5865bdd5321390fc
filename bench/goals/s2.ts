import type { Benchmark } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { measured } from '../support/load.ts';
import { alternating } from '../support/pairs.ts';
import { createPgbench } from '../support/pgbench.ts';
import { startPostgres, startService } from '../support/service.ts';

/** Creating tasks over HTTP, held against PostgreSQL's own benchmark inserting a row, without any HTTP. */
export const benchmark: Benchmark = {
  id: 'S2',
  title: 'creating a task over HTTP, against pgbench inserting a row',
  figures: [{ id: 'S2', goal: 'requests a second ≥ 0.6 × pgbench -M prepared -c 32', bound: 0.6, direction: 'at_least' }],
  async run(stage) {
    const database = await startPostgres(stage);
    const pgbench = await createPgbench(stage, database);
    const service = await startService(stage, { DATABASE_URL: database });
    const seconds = stage.pick(4, 2);
    const pairs = await alternating(
      stage,
      async () => (await measured(stage, 'create', service, { ...createTask(service), connections: 64, seconds })).rate,
      async () => {
        const rate = await pgbench.insert(seconds);
        stage.say(`  pgbench      ${Math.round(rate)}/s`);
        return rate;
      },
    );
    return { figures: { S2: { pairs, unit: '/s' } } };
  },
};
