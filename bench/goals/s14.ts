import { startPostgresOf } from '../data/open-data-set.ts';
import { settle } from '../data/project.ts';
import { millionEvents } from '../data/sets.ts';
import { tokenOf } from '../support/as-person.ts';
import type { Benchmark } from '../support/benchmark.ts';
import { measured } from '../support/load.ts';
import { alternating, figureOf } from '../support/pairs.ts';
import { startService } from '../support/service.ts';

/** Shortly before the end of the log: every task is there, most of them in its last version. */
const LATE = '2025-12-20T00:00:00.000Z';
const HALFWAY = '2025-01-01T00:00:00.000Z';

/** A list as of a time, with a million versions of a hundred thousand tasks, held against today's. */
export const benchmark: Benchmark = {
  id: 'S14',
  title: 'a list of 25 as of a time, against today’s',
  minutes: 20,
  figures: [
    {
      id: 'S14',
      goal: 'p50 of an as-of list of 25, a million versions of 100,000 tasks, ≤ 3 × today’s list',
      bound: 3,
      direction: 'at_most',
    },
  ],
  async run(stage) {
    const set = await millionEvents(stage);
    const database = await startPostgresOf(stage, set);
    await settle(database);
    const service = await startService(stage, { DATABASE_URL: database, DATA_DIR: set.directory });
    const headers = { authorization: `Bearer ${await tokenOf(service, set.people[0]!)}` };
    const list = (query: string) => ({
      method: 'GET',
      paths: [`/api/v1/tasks?limit=25${query}`],
      headers,
      connections: 1,
      seconds: stage.pick(4, 1),
    });
    const today = () => measured(stage, 'today', service, list(''));
    const pairs = await alternating(stage, () => measured(stage, 'as of', service, list(`&as_of=${LATE}`)), today);
    const halfway = await measured(stage, 'halfway', service, list(`&as_of=${HALFWAY}`));
    const withCursor = await cursorBehind(service.port, headers, `as_of=${LATE}`);
    const next = await measured(stage, 'next page', service, list(`&as_of=${LATE}&cursor=${withCursor}`));
    return {
      figures: { S14: { pairs: figureOf(pairs, 'p50'), unit: 'ms', note: `the first page, its total included; ${set.events} events` } },
      tables: [
        {
          title: 'Other lists as of a time',
          columns: ['list', 'p50', 'p99'],
          rows: [
            ['as of halfway through the log', `${halfway.p50.toFixed(2)} ms`, `${halfway.p99.toFixed(2)} ms`],
            [
              'the page behind the first one, by its cursor, which counts no total',
              `${next.p50.toFixed(2)} ms`,
              `${next.p99.toFixed(2)} ms`,
            ],
          ],
        },
      ],
    };
  },
};

async function cursorBehind(port: number, headers: Record<string, string>, query: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/tasks?limit=25&${query}`, { headers });
  return ((await response.json()) as { next_cursor: string }).next_cursor;
}
