import { join } from 'node:path';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { startPostgresOf } from '../data/open-data-set.ts';
import { settle } from '../data/project.ts';
import { millionEvents } from '../data/sets.ts';
import { tokenOf } from '../support/as-person.ts';
import type { Benchmark } from '../support/benchmark.ts';
import { resultOf } from '../support/child.ts';
import { liveSchemas, statementsOf } from '../support/list-sql.ts';
import { measured } from '../support/load.ts';
import { alternating, figureOf, medianOf } from '../support/pairs.ts';
import { startBaseline, startService } from '../support/service.ts';

const SIZE = 25;

/** A list of 25 of a hundred thousand tasks of one person. */
export const benchmark: Benchmark = {
  id: 'S8',
  title: 'a list of 25 of 100,000 tasks over HTTP',
  minutes: 20,
  figures: [
    { id: 'S8', goal: 'lists a second ≥ 1.4 × a naive Express route, rows to res.json', bound: 1.4, direction: 'at_least' },
    { id: 'S8.p99', goal: 'p99 at 30 % of peak ≤ 3 × the same SQL through pg', bound: 3, direction: 'at_most' },
    { id: 'S8.deep', goal: 'p50 at a cursor 90,000 deep ≤ 1.2 × that of page 1', bound: 1.2, direction: 'at_most' },
  ],
  async run(stage) {
    const set = await millionEvents(stage);
    const database = await startPostgresOf(stage, set);
    await settle(database);
    const pool = createPool(database, { max: 1, applicationName: 'bench', onError: () => {} });
    stage.closing.add('pool', () => pool.end());
    const service = await startService(stage, { DATABASE_URL: database, DATA_DIR: set.directory });
    const [person] = set.people;
    const schemas = await liveSchemas(pool);
    const bare = await startBaseline(stage, 'bare-list.ts', { DATABASE_URL: database, SCHEMA: schemas.names.listing!, PERSON: person!.id });
    const headers = { authorization: `Bearer ${await tokenOf(service, person!)}` };
    const list = (query = '') => ({ method: 'GET', paths: [`/api/v1/tasks?limit=${SIZE}${query}`], headers });
    const seconds = stage.pick(4, 1.5);

    const peaks = await alternating(
      stage,
      () => measured(stage, 'list', service, { ...list(), connections: 64, seconds }),
      () => measured(stage, 'bare list', bare, { method: 'GET', paths: ['/tasks'], headers: {}, connections: 64, seconds }),
    );
    const arrivals = 0.3 * medianOf(peaks.map(([{ rate }]) => rate));
    const [statement] = await statementsOf(pool, schemas, (queries) =>
      queries.listTasks(
        {
          reader: { id: person!.id, isAdmin: false },
          today: new Date().toISOString().slice(0, 10),
          scope: 'all',
          filters: {},
          sort: { by: 'created_at', descending: true },
        },
        { by: 'page', page: 1, size: SIZE },
      ),
    );
    const sql = { DATABASE_URL: database, STATEMENT: JSON.stringify(statement), PER_SECOND: String(arrivals), SECONDS: String(seconds) };
    const paced = await alternating(
      stage,
      () => measured(stage, 'list at 30 %', service, { ...list(), connections: 64, seconds, arrivals }),
      () => resultOf<{ p99: number }>(stage, join(import.meta.dirname, '..', 'baselines', 'paced-sql.ts'), sql),
    );

    const depth = stage.pick(90_000, 1_800);
    const deep = await cursorAt(service.port, headers, depth);
    const one = { connections: 1, seconds: stage.pick(2, 1) };
    const depths = await alternating(
      stage,
      () => measured(stage, `${depth} deep`, service, { ...list(`&cursor=${deep}`), ...one }),
      () => measured(stage, 'page 1', service, { ...list(), ...one }),
    );
    return {
      figures: {
        S8: { pairs: figureOf(peaks, 'rate'), unit: '/s', note: `64 connections; the tasks come from ${set.events} events` },
        'S8.p99': { pairs: figureOf(paced, 'p99'), unit: 'ms', note: `at ${Math.round(arrivals)} lists a second` },
        'S8.deep': { pairs: figureOf(depths, 'p50'), unit: 'ms', note: `${depth} tasks deep` },
      },
    };
  },
};

/** Where the list goes on behind so many tasks. */
async function cursorAt(port: number, headers: Record<string, string>, depth: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/tasks?limit=${SIZE}&skip=${depth - SIZE}`, { headers });
  const { next_cursor: cursor } = (await response.json()) as { next_cursor: string | null };
  if (!cursor) throw new Error(`The list does not go on behind ${depth} tasks`);
  return cursor;
}
