import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { startPostgresOf } from '../data/open-data-set.ts';
import { millionEvents } from '../data/sets.ts';
import type { Benchmark, Stage } from '../support/benchmark.ts';
import { resultOf } from '../support/child.ts';
import { watchMemory } from '../support/memory.ts';
import { alternating, medianOf } from '../support/pairs.ts';
import { type Service, startService } from '../support/service.ts';
import { type ReadTimes, startReading } from '../support/steady-reads.ts';

const READS_PER_SECOND = 20;
const MOST_MEGABYTES = 300;
const LOOK_EVERY_MS = 20;

interface Rebuilt {
  seconds: number;
  megabytes: number;
  reads: ReadTimes;
}

/** Renewing the listing from a million events while its old rows are read, held against reading the same events and doing nothing. */
export const benchmark: Benchmark = {
  id: 'S6',
  title: 'a rebuild of the listing from a million events, against reading them',
  minutes: 25,
  figures: [
    { id: 'S6', goal: 'rebuild of the listing ≤ 2.5 × reading the same events and doing nothing', bound: 2.5, direction: 'at_most' },
    { id: 'S6.memory', goal: `memory of the service meanwhile ≤ ${MOST_MEGABYTES} MB`, bound: 1, direction: 'at_most' },
  ],
  async run(stage) {
    const set = await millionEvents(stage);
    const database = await startPostgresOf(stage, set);
    const pool = createPool(database, { max: 2, applicationName: 'bench', onError: () => {}, statementTimeout: 0 });
    stage.closing.add('pool', () => pool.end());
    const service = await startService(stage, { DATABASE_URL: database, DATA_DIR: set.directory });
    const pairs = await alternating(
      stage,
      () => rebuild(stage, service, pool),
      () => drain(stage, service, database),
      // A rebuild is long enough to be warm for the most part of itself.
      () => drain(stage, service, database),
    );
    const rebuilds = pairs.map(([subject]) => subject);
    return {
      figures: {
        S6: { pairs: pairs.map(([subject, baseline]) => [subject.seconds, baseline]), unit: 's', note: `${set.events} events` },
        'S6.memory': { pairs: rebuilds.map(({ megabytes }) => [megabytes, MOST_MEGABYTES]), unit: 'MB' },
      },
      tables: [readsTable(rebuilds), modelsTable(set.projected, set.events)],
    };
  },
};

async function rebuild(stage: Stage, service: Service, pool: pg.Pool): Promise<Rebuilt> {
  const before = await liveGeneration(pool);
  const reads = startReading(`http://127.0.0.1:${service.port}/api/v1/tasks?scope=everyone&limit=25`, service.token, READS_PER_SECOND);
  const memory = watchMemory(service.child.pid!);
  const since = performance.now();
  await service.ask('POST', '/admin/projections/listing/rebuild');
  while ((await liveGeneration(pool)) === before) {
    if (service.child.exitCode !== null) throw new Error('the service has ended');
    await pause(LOOK_EVERY_MS);
  }
  const rebuilt = { seconds: (performance.now() - since) / 1000, megabytes: memory.stop(), reads: await reads.stop() };
  const { seconds, megabytes } = rebuilt;
  stage.say(`  rebuild      ${seconds.toFixed(2)} s, ${Math.round(megabytes)} MB, reads ${JSON.stringify(rebuilt.reads)}`);
  if (rebuilt.reads.failed > 0) throw new Error(`${rebuilt.reads.failed} reads failed during the rebuild`);
  return rebuilt;
}

/** Beside the same reads, which are no part of either. */
async function drain(stage: Stage, service: Service, database: string): Promise<number> {
  const reads = startReading(`http://127.0.0.1:${service.port}/api/v1/tasks?scope=everyone&limit=25`, service.token, READS_PER_SECOND);
  try {
    const script = join(import.meta.dirname, '..', 'baselines', 'drain.ts');
    const seconds = await resultOf<number>(stage, script, { DATABASE_URL: database });
    stage.say(`  reading      ${seconds.toFixed(2)} s`);
    return seconds;
  } finally {
    await reads.stop();
  }
}

async function liveGeneration(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ generation: number }>(
    `select generation from projections.generations where name = 'listing' and state = 'live' order by version desc limit 1`,
  );
  return rows[0]!.generation;
}

function readsTable(rebuilds: readonly Rebuilt[]) {
  const of = (figure: 'p50' | 'p99') => medianOf(rebuilds.map(({ reads }) => reads[figure])).toFixed(1);
  return {
    title: 'Lists read while the listing is rebuilt',
    columns: ['reads a second', 'p50', 'p99', 'failed'],
    rows: [[READS_PER_SECOND, `${of('p50')} ms`, `${of('p99')} ms`, 0]],
  };
}

function modelsTable(projected: Record<string, number>, events: number) {
  return {
    title: `Making each read model from ${events.toLocaleString('en')} events for the first time, one after the other`,
    columns: ['read model', 'seconds', 'events a second'],
    rows: Object.entries(projected).map(([name, seconds]) => [name, seconds.toFixed(1), Math.round(events / seconds).toLocaleString('en')]),
  };
}
