import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig } from '../../src/config.ts';
import { openDatabase } from '../../src/database.ts';
import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { type Closing, createClosing } from '../../src/platform/closing.ts';
import { keysFor } from '../../src/platform/generated-keys.ts';
import { createLog } from '../../src/platform/logging.ts';
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded.ts';
import { allProjections } from '../../src/projections/all-projections.ts';
import { makePeople } from './make-people.ts';
import { type Person, peopleOf } from './people.ts';
import { project, settle } from './project.ts';
import type { Story } from './story.ts';
import { writeLog } from './write-log.ts';

export interface DataSetWanted extends Story {
  name: string;
  /** Whether the read models are made too. */
  readModels: boolean;
}

/** A `DATA_DIR` with a made-up log in its embedded PostgreSQL: the service can be started on it. */
export interface DataSet {
  directory: string;
  people: readonly Person[];
  events: number;
  /** Seconds that each read model took to be made from the log, one after the other; empty when they were not made. */
  projected: Record<string, number>;
}

interface Where {
  /** What other benchmarks of the run find there is used again. */
  shared: string;
  closing: Closing;
  say(line: string): void;
}

/** What is built need not survive a power cut: it would be built again. */
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_wal_size: '16GB',
  checkpoint_timeout: '1h',
  maintenance_work_mem: '512MB',
};

/** Builds a data set, unless it is there. What changes it must be taken back, or done to a copy. */
export async function dataSet(wanted: DataSetWanted, where: Where): Promise<DataSet> {
  const directory = join(where.shared, wanted.name);
  const people = peopleOf(wanted.people);
  const known = await readFile(join(directory, 'data-set.json'), 'utf8').catch(() => null);
  if (known !== null) return { directory, people, ...JSON.parse(known) };
  await mkdir(where.shared, { recursive: true });
  const draft = await mkdtemp(join(where.shared, `${wanted.name}-`));
  const closing = createClosing((name, error) => where.say(`${name} could not be closed: ${error}`));
  where.closing.add(`the building of ${wanted.name}`, () => closing.close());
  closing.add('draft', () => rm(draft, { recursive: true, force: true, maxRetries: 5 }));
  try {
    const contents = await build(draft, wanted, people, closing, where.say);
    await writeFile(join(draft, 'data-set.json'), JSON.stringify(contents));
    await rename(draft, directory);
    return { directory, people, ...contents };
  } finally {
    await closing.close();
  }
}

/** A copy to do anything to. */
export async function copyOf({ directory, ...rest }: DataSet, target: string): Promise<DataSet> {
  await promisify(execFile)('cp', ['--archive', '--reflink=auto', directory, target]);
  return { ...rest, directory: target };
}

async function build(directory: string, wanted: DataSetWanted, people: readonly Person[], closing: Closing, say: Where['say']) {
  const since = performance.now();
  const elapsed = () => `${((performance.now() - since) / 1000).toFixed(0)} s`;
  const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), settings, log: () => {} });
  closing.add('PostgreSQL', () => server.stop());
  const { connectionString } = server;
  const config = loadConfig({ DATA_DIR: directory, DATABASE_URL: connectionString });
  const logger = createLog({ level: 'error', format: 'json' });
  const opened = createClosing(() => {});
  closing.add('database', () => opened.close());
  const { pool } = await openDatabase(config, logger, opened, new AbortController().signal);
  const { master } = await keysFor(directory, {});
  const vault = createKeyVault(pool, master);
  await makePeople(people, pool, vault);
  const events = people.length + (await writeLog(wanted, connectionString, master));
  say(`${wanted.name}: ${events} events written after ${elapsed()}`);
  // Without a bound on the time of a statement, which the pool has.
  await pool.query('begin; set local statement_timeout = 0; analyze event_log.events; analyze event_log.data_keys; commit');
  const projected: Record<string, number> = {};
  if (wanted.readModels) {
    const store = await createPostgresEventStore({ connectionString, log: () => {} });
    opened.add('event store', () => store.close());
    for (const projection of allProjections) {
      projected[projection.name] = await project(projection, { connectionString, pool, store, vault, logger });
      say(`${wanted.name}: ${projection.name} made in ${projected[projection.name]!.toFixed(0)} s`);
    }
    await settle(connectionString);
  }
  await opened.close();
  await server.stop();
  return { events, projected };
}
