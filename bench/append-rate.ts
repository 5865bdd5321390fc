import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Append, BEGINNING, type EventStore } from '../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../src/events/store/postgres/postgres-event-store.ts';
import { eventLogMigrations } from '../src/events/store/postgres/schema.ts';
import { startEmbeddedPostgres } from '../src/platform/postgres/embedded.ts';
import { migrate } from '../src/platform/postgres/migrate.ts';
import { createPool } from '../src/platform/postgres/pool.ts';

// How fast the PostgreSQL event store appends and reads, on a server of its own with fsync on. Each figure is the rate of one round; the
// time of this process for each event stands beside it, for that is what an instance has least of.

const SECONDS = Number(process.argv[2] ?? 5);
const ROUNDS = Number(process.argv[3] ?? 3);
const metadata = randomBytes(350);
const data = randomBytes(400);

const event = () => ({ id: randomUUID(), type: 'TaskCreated', metadata, data });

function append(events: number, withKey: boolean): Append {
  const stream = `task-${randomUUID()}`;
  const newKeys = withKey ? [{ id: randomUUID(), subject: stream, wrapped: data.subarray(0, 60) }] : [];
  return { stream, expectedRevision: 'no_stream', events: Array.from({ length: events }, event), newKeys };
}

/** Keeps so many appends under way for a while, and answers how many events were written. */
async function keepAppending(store: EventStore, inFlight: number, next: () => Append): Promise<number> {
  const end = performance.now() + SECONDS * 1_000;
  let events = 0;
  const one = async () => {
    while (performance.now() < end) {
      const wanted = next();
      await store.append(wanted);
      events += wanted.events.length;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  return events;
}

async function readEverything(store: EventStore): Promise<number> {
  let events = 0;
  const head = await store.head();
  const enough = new AbortController();
  for await (const batch of store.subscribe({ after: BEGINNING, signal: enough.signal })) {
    events += batch.events.length;
    if (batch.position >= head) enough.abort();
  }
  return events;
}

async function measure(name: string, work: () => Promise<number>): Promise<void> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  const events = await work();
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${name.padEnd(44)} ${Math.round(events / seconds)} events/s, ${((user + system) / events).toFixed(1)} µs of this process each`,
  );
}

const directory = await mkdtemp(join(tmpdir(), 'append-rate-'));
const server = await startEmbeddedPostgres({ directory, log: () => {} });
const pool = createPool(server.connectionString, { max: 8, applicationName: 'bench', onError: () => {} });
try {
  await migrate(pool, [{ part: 'event_log', migrations: eventLogMigrations }]);
  const store = await createPostgresEventStore({ connectionString: server.connectionString, pool, log: () => {} });
  for (let round = 0; round < ROUNDS; round++) {
    for (const inFlight of [1, 64, 256])
      await measure(`new streams, ${inFlight} in flight`, () => keepAppending(store, inFlight, () => append(1, false)));
    await measure('new streams with a key each, 256 in flight', () => keepAppending(store, 256, () => append(1, true)));
    await measure('appends of 100 events, 16 in flight', () => keepAppending(store, 16, () => append(100, false)));
  }
  await measure('read by a subscription', () => readEverything(store));
  await store.close();
} finally {
  await pool.end();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
}
