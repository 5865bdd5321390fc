import { randomBytes, randomUUID } from 'node:crypto';
import { EventStoreDBClient } from '@eventstore/db-client';
import { BEGINNING, type EventStore } from '../src/events/store/event-store.ts';
import { createEventStoreDb } from '../src/events/store/eventstoredb/eventstoredb-event-store.ts';
import { startEventStored } from '../tests/support/eventstored.ts';
import { describeRatio, paired } from './support/measure.ts';

// What the EventStoreDB adapter adds to the vendor's client: appends of one event, 64 in flight, and reading the whole log from its
// beginning, each against the bare client, in turn, on a server of its own that flushes to disk.

const SECONDS = Number(process.argv[2] ?? 4);
const ROUNDS = Number(process.argv[3] ?? 5);
const LOG = Number(process.argv[4] ?? 100_000);
const IN_FLIGHT = 64;
const json = (bytes: number) => Buffer.from(JSON.stringify({ of: randomBytes(bytes * 0.7).toString('base64') }));
const metadata = json(350);
const data = json(400);

const event = () => ({ id: randomUUID(), type: 'TaskCreated', metadata, data });
const plain = (buffer: Buffer) => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
const bareEvent = () => ({ ...event(), contentType: 'application/octet-stream' as const, metadata: plain(metadata), data: plain(data) });

const server = await startEventStored({ durable: true });
const open = () => createEventStoreDb({ url: server.url(), saveKeys: async () => {}, log: console.error });

/** Appends a second, with one client at a time in the process. */
async function ratePerSecond(append: (stream: string) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let appended = 0;
  const one = async () => {
    for (; performance.now() - start < SECONDS * 1_000; appended++) await append(`task-${randomUUID()}`);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
  return (appended / (performance.now() - start)) * 1_000;
}

async function byAdapter<T>(work: (store: EventStore) => Promise<T>): Promise<T> {
  const store = await open();
  return work(store).finally(() => store.close());
}

async function byClient<T>(work: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
  const client = EventStoreDBClient.connectionString(server.url());
  return work(client).finally(() => client.dispose());
}

async function drainBySubscription(store: EventStore): Promise<number> {
  const enough = new AbortController();
  const head = await store.head();
  const start = performance.now();
  let events = 0;
  for await (const batch of store.subscribe({ after: BEGINNING, signal: enough.signal })) {
    events += batch.events.length;
    if (batch.position >= head) enough.abort();
  }
  return (events / (performance.now() - start)) * 1_000;
}

async function drainBare(client: EventStoreDBClient): Promise<number> {
  const start = performance.now();
  let events = 0;
  for await (const _ of client.readAll()) events++;
  return (events / (performance.now() - start)) * 1_000;
}

const shown = (name: string, measure: () => Promise<number>) => async () => {
  const rate = await measure();
  console.log(`  ${name}: ${Math.round(rate)}/s`);
  return rate;
};

try {
  await byAdapter(async (store) => {
    for (let written = 0; written < LOG; written += 100)
      await store.append({ stream: `task-${randomUUID()}`, expectedRevision: 'no_stream', events: Array.from({ length: 100 }, event) });
  });
  const drains = await paired(
    ROUNDS,
    shown('drain by a subscription', () => byAdapter(drainBySubscription)),
    shown('drain by the bare client', () => byClient(drainBare)),
  );
  console.log(`reading the log: ${describeRatio(drains)}`);
  const expectedRevision = 'no_stream' as const;
  const appends = await paired(
    ROUNDS,
    shown('appends by the adapter', () =>
      byAdapter((store) => ratePerSecond((stream) => store.append({ stream, expectedRevision, events: [event()] }))),
    ),
    shown('appends by the bare client', () =>
      byClient((client) => ratePerSecond((stream) => client.appendToStream(stream, bareEvent(), { expectedRevision }))),
    ),
  );
  console.log(`appending, ${IN_FLIGHT} in flight: ${describeRatio(appends)}`);
} finally {
  await server.stop();
}
