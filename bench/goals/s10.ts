import type { Benchmark } from '../support/benchmark.ts';
import { measured } from '../support/load.ts';
import { alternating, figureOf } from '../support/pairs.ts';
import { startBaseline, startPostgres, startService } from '../support/service.ts';

/** All that every request goes through, held against a bare Express route that answers with the same object. */
export const benchmark: Benchmark = {
  id: 'S10',
  title: 'what every request goes through, against a bare Express route',
  figures: [
    { id: 'S10', goal: 'GET /workflow with a token, requests a second ≥ 0.6 × a bare res.json', bound: 0.6, direction: 'at_least' },
  ],
  async run(stage) {
    const service = await startService(stage, { DATABASE_URL: await startPostgres(stage) });
    const bare = await startBaseline(stage, 'bare-json.ts', {});
    const ask = {
      method: 'GET',
      paths: ['/api/v1/workflow'],
      headers: { authorization: `Bearer ${service.token}` },
      connections: 64,
      seconds: stage.pick(4, 0.8),
    };
    const pairs = await alternating(
      stage,
      () => measured(stage, 'workflow', service, ask),
      () => measured(stage, 'bare JSON', bare, ask),
    );
    return { figures: { S10: { pairs: figureOf(pairs, 'rate'), unit: '/s' } } };
  },
};
