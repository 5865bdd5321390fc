import type { Benchmark } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { measured } from '../support/load.ts';
import { alternating, figureOf } from '../support/pairs.ts';
import { startBaseline, startPostgres, startService } from '../support/service.ts';

/** One command at a time: what somebody waits for when nobody else is there. */
export const benchmark: Benchmark = {
  id: 'S3',
  title: 'creating one task after the other, against the bare Express insert',
  figures: [{ id: 'S3', goal: 'p50 at one connection ≤ 1.4 × a bare Express insert', bound: 1.4, direction: 'at_most' }],
  async run(stage) {
    const database = await startPostgres(stage);
    const service = await startService(stage, { DATABASE_URL: database });
    const bare = await startBaseline(stage, 'bare-insert.ts', { DATABASE_URL: database });
    const common = { connections: 1, seconds: stage.pick(4, 0.8) };
    // With one at a time it would take minutes until everything is compiled.
    for (const [name, server, work] of [
      ['create', service, createTask(service)],
      ['bare insert', bare, createTask()],
    ] as const) {
      await measured(stage, `${name} (warm-up)`, server, { ...work, connections: 16, seconds: stage.pick(4, 1) });
    }
    const pairs = await alternating(
      stage,
      () => measured(stage, 'create', service, { ...createTask(service), ...common }),
      () => measured(stage, 'bare insert', bare, { ...createTask(), ...common }),
    );
    return { figures: { S3: { pairs: figureOf(pairs, 'p50'), unit: 'ms' } } };
  },
};
