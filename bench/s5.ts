import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { v7 as uuidv7 } from 'uuid';
import { encodeEvents } from '../src/events/codec.ts';
import { createKeyVault } from '../src/events/keys/key-vault.ts';
import { createPostgresEventStore } from '../src/events/store/postgres/postgres-event-store.ts';
import { eventLogMigrations } from '../src/events/store/postgres/schema.ts';
import { createLog } from '../src/platform/logging.ts';
import { startEmbeddedPostgres } from '../src/platform/postgres/embedded.ts';
import { migrate } from '../src/platform/postgres/migrate.ts';
import { createPool } from '../src/platform/postgres/pool.ts';
import { prepareProjection } from '../src/projections/generation.ts';
import { listing } from '../src/projections/listing/listing.ts';
import { projectionMigrations } from '../src/projections/migrations.ts';
import { schemaOf } from '../src/projections/projection.ts';
import { startProjector } from '../src/projections/projector.ts';
import { describeRatio, paired } from './support/measure.ts';

// S5: the listing projected from the log, decryption and all, held against COPY of the rows that come out into the same indexed tables.

const ROUNDS = Number(process.argv[2] ?? 5);
const TASKS = Number(process.argv[3] ?? 20_000);
const OWNERS = 100;
const TABLES = {
  tasks:
    'id, title, description, priority, status, completed_at, due_date, tags, owner_id, assignee_id, shares, comment_count, file_count, created_at, updated_at, deleted_at, revision',
  access: '*',
  counters: '*',
};

const directory = await mkdtemp(join(tmpdir(), 'tasktrail-s5-'));
const database = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), log: () => {} });
const { connectionString } = database;
const pool = createPool(connectionString, { max: 4, applicationName: 'bench', onError: () => {}, statementTimeout: 0 });
await migrate(pool, [
  { part: 'event_log', migrations: eventLogMigrations },
  { part: 'projections', migrations: projectionMigrations },
]);
const store = await createPostgresEventStore({ connectionString, log: () => {} });
const writing = createKeyVault(pool, 'the master key of the benchmark, for once');
let version = 100;

try {
  await fill();
  const head = await store.head();
  const ratio = await paired(
    ROUNDS,
    async () => 1 / (await project(head)),
    async () => 1 / (await copy()),
  );
  console.log(`S5 projector over COPY, ${TASKS} tasks of ${OWNERS} people: ${describeRatio(ratio)}`);
} finally {
  await store.close();
  await pool.end();
  await database.stop();
  await rm(directory, { recursive: true, force: true });
}

/** Tasks of a hundred people, each with a transition: two events a task. */
async function fill(): Promise<void> {
  const owners = Array.from({ length: OWNERS }, () => uuidv7());
  const one = async (n: number) => {
    const id = uuidv7();
    const stream = `task-${id}`;
    const { key, wrapped } = writing.create(stream);
    const at = new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString();
    const context = {
      occurred_at: at,
      actor: { id: owners[n % OWNERS]!, kind: 'user' as const },
      operation_id: randomUUID(),
      request_id: 'bench',
      command_id: randomUUID(),
    };
    const created = {
      type: 'TaskCreated' as const,
      data: {
        title: `Water plant number ${n}`,
        description: 'All of them, also the cactus on the window sill',
        priority: 'high' as const,
        status: 'todo' as const,
        completed_at: null,
        due_date: '2026-06-01',
        tags: ['garden', 'home'],
        owner_id: owners[n % OWNERS]!,
        assignee_id: null,
      },
    };
    const moved = {
      type: 'TaskTransitioned' as const,
      data: { status: { from: 'todo' as const, to: 'in_progress' as const }, completed_at: { from: null, to: null } },
    };
    const { encoded } = encodeEvents([created, moved], { stream, revision: 0, previousHash: '' }, context, { task: key });
    await store.append({ stream, expectedRevision: 'no_stream', events: encoded, newKeys: [wrapped] });
  };
  for (let n = 0; n < TASKS; n += 500) await Promise.all(Array.from({ length: 500 }, (_, i) => one(n + i)));
}

/** @returns seconds, from the start of the projector until its checkpoint is at the head of the log */
async function project(head: bigint): Promise<number> {
  const projection = { ...listing, version: version++ };
  await prepareProjection(pool, projection, store.logId);
  // A vault of its own: no key is known beforehand.
  const vault = createKeyVault(pool, 'the master key of the benchmark, for once');
  const log = createLog({ level: 'error', format: 'json' });
  const since = performance.now();
  await new Promise<void>((resolve) => {
    const projector = startProjector(projection, 1, {
      connectionString,
      store,
      vault,
      log,
      onProgress: (position) => {
        if (position >= head) setImmediate(() => projector.stop().then(resolve));
      },
    });
  });
  const seconds = (performance.now() - since) / 1000;
  console.log(`projector ${seconds.toFixed(2)} s, ${Math.round(Number(head) / seconds)} events/s`);
  return seconds;
}

/** @returns seconds to COPY the rows of the last projection into new tables like its own */
async function copy(): Promise<number> {
  const source = schemaOf({ ...listing, version: version - 1, generation: 1 });
  const target = `copied_${version}`;
  await pool.query(`create schema ${target}`);
  const client = await pool.connect();
  await client.query(`set search_path = ${target}; ${listing.tables}`);
  const texts: [string, string, Buffer][] = [];
  for (const [table, columns] of Object.entries(TABLES)) {
    const text = await buffer(client.query(copyTo(`copy (select ${columns} from ${source}.${table}) to stdout`)));
    texts.push([table, columns === '*' ? '' : `(${columns})`, text]);
  }
  const since = performance.now();
  for (const [table, columns, text] of texts)
    await pipeline(Readable.from([text]), client.query(copyFrom(`copy ${table} ${columns} from stdin`)));
  const seconds = (performance.now() - since) / 1000;
  client.release(true);
  console.log(`COPY      ${seconds.toFixed(2)} s`);
  return seconds;
}
