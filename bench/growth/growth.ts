import type pg from 'pg';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { startPostgresOf } from '../data/open-data-set.ts';
import { grown } from '../data/sets.ts';
import type { Stage } from '../support/benchmark.ts';
import { liveSchemas, type Statement, statementsOf } from '../support/list-sql.ts';
import { medianOf } from '../support/pairs.ts';
import { cases } from './cases.ts';
import { explain, type Plan } from './plan.ts';
import { subjectOf } from './subject.ts';

/** What one query costs on so many tasks. */
export interface Cost {
  group: string;
  name: string;
  tasks: number;
  /** Milliseconds, sent through `pg` as the service sends it; the median. */
  p50: number;
  plan: Plan;
}

const MOST_ROUNDS = 15;
/** A query that takes long is asked less often. */
const ENOUGH_MS = 1_500;
const STATEMENT_TIMEOUT = 120_000;
/** PostgreSQL's code of a statement that took too long. */
const CANCELED = '57014';

/** Asks every question of a data set of this size. */
export async function costsAt(stage: Stage, tasks: number): Promise<Cost[]> {
  const set = await grown(stage, tasks);
  const database = await startPostgresOf(stage, set);
  const pool = createPool(database, { max: 1, applicationName: 'bench', onError: () => {}, statementTimeout: STATEMENT_TIMEOUT });
  stage.closing.add('pool', () => pool.end());
  const schemas = await liveSchemas(pool);
  const subject = await subjectOf(pool, set, schemas.names);
  const client = await pool.connect();
  const costs: Cost[] = [];
  try {
    for (const [number, { group, name, ask }] of cases.entries()) {
      const asked = await statementsOf(client, schemas, (queries) => ask(queries, subject));
      // What the service prepares is prepared, under a name of its own.
      const statements = asked.map((one, part) => (one.name === undefined ? one : { ...one, name: `case ${number}.${part}` }));
      const cost = { group, name, tasks, ...(await costOf(client, statements)) };
      stage.say(`  ${tasks} tasks, ${group}, ${name}: ${cost.p50.toFixed(1)} ms, ${cost.plan.pages} pages${scanOf(cost)}`);
      costs.push(cost);
    }
  } finally {
    client.release();
  }
  return costs;
}

async function costOf(client: pg.ClientBase, statements: readonly Statement[]): Promise<Pick<Cost, 'p50' | 'plan'>> {
  const times: number[] = [];
  let spent = 0;
  try {
    for (let round = 0; round <= MOST_ROUNDS && (round < 2 || spent < ENOUGH_MS); round++) {
      const since = performance.now();
      for (const statement of statements) await client.query(statement);
      const took = performance.now() - since;
      spent += took;
      // What the first one finds cold is the disk.
      if (round > 0) times.push(took);
    }
    return { p50: medianOf(times), plan: await explain(client, statements) };
  } catch (error) {
    if ((error as { code?: string }).code !== CANCELED) throw error;
    const told = `given up after ${STATEMENT_TIMEOUT / 1000} s`;
    return { p50: Number.POSITIVE_INFINITY, plan: { milliseconds: STATEMENT_TIMEOUT, pages: Number.NaN, reads: [told], scanned: [told] } };
  }
}

function scanOf({ plan }: Cost): string {
  return plan.scanned.length === 0 ? '' : `, scans ${plan.scanned.join(' and ')}`;
}
