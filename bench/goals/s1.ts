import type { Benchmark } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { measured } from '../support/load.ts';
import { alternating, figureOf } from '../support/pairs.ts';
import { startBaseline, startPostgres, startService } from '../support/service.ts';

/** Creating tasks over HTTP with all that belongs to it, held against a bare Express route that does one INSERT. */
export const benchmark: Benchmark = {
  id: 'S1',
  title: 'creating a task over HTTP, against a bare Express route that inserts a row',
  figures: [
    { id: 'S1', goal: 'requests a second at 64 connections ≥ 1.5 × a bare Express insert', bound: 1.5, direction: 'at_least' },
    { id: 'S1.p99', goal: 'p99 no worse than that of the bare Express insert', bound: 1, direction: 'at_most' },
  ],
  async run(stage) {
    const database = await startPostgres(stage);
    const service = await startService(stage, { DATABASE_URL: database });
    const bare = await startBaseline(stage, 'bare-insert.ts', { DATABASE_URL: database });
    const common = { connections: 64, seconds: stage.pick(4, 0.8) };
    const pairs = await alternating(
      stage,
      () => measured(stage, 'create', service, { ...createTask(service), ...common }),
      () => measured(stage, 'bare insert', bare, { ...createTask(), ...common }),
    );
    return { figures: { S1: { pairs: figureOf(pairs, 'rate'), unit: '/s' }, 'S1.p99': { pairs: figureOf(pairs, 'p99'), unit: 'ms' } } };
  },
};
