import { randomBytes, randomUUID } from 'node:crypto';
import { EventStoreDBClient } from '@eventstore/db-client';
import { BEGINNING } from '../../src/events/store/event-store.ts';
import { createEventStoreDb } from '../../src/events/store/eventstoredb/eventstoredb-event-store.ts';
import { LogImport } from '../../src/events/store/eventstoredb/import-events.ts';
import { dropGeneration } from '../../src/projections/generation.ts';
import { listing } from '../../src/projections/listing/listing.ts';
import { canStartEventStored, startEventStored } from '../../tests/support/eventstored.ts';
import { openDataSet } from '../data/open-data-set.ts';
import { newTasks } from '../data/sets.ts';
import { type Benchmark, CannotBeMeasured, type Pair, type Stage } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { measured } from '../support/load.ts';
import { alternating } from '../support/pairs.ts';
import { runProjector } from '../support/run-projector.ts';
import { startPostgres, startService } from '../support/service.ts';

const IN_FLIGHT = 64;
const PAGE = 2_000;

/** The same service with its events in EventStoreDB, held against the vendor's client alone. */
export const benchmark: Benchmark = {
  id: 'S13',
  title: 'on EventStoreDB, against its client alone',
  figures: [
    { id: 'S13', goal: 'commands over HTTP ≥ 0.6 × the raw client’s appends, 64 in flight', bound: 0.6, direction: 'at_least' },
    { id: 'S13.projector', goal: 'projector ≥ 0.6 × the raw client’s reading of $all', bound: 0.6, direction: 'at_least' },
  ],
  async run(stage) {
    if (!canStartEventStored) throw new CannotBeMeasured('there is no eventstored on the PATH');
    return {
      figures: { S13: { pairs: await commands(stage), unit: '/s' }, 'S13.projector': { pairs: await projector(stage), unit: 'events/s' } },
    };
  },
};

/** An EventStoreDB that flushes to the disk. */
async function startEventStoreDb({ closing }: Stage): Promise<string> {
  const server = await startEventStored({ durable: true });
  closing.add('EventStoreDB', () => server.stop());
  return server.url();
}

async function commands(stage: Stage): Promise<Pair[]> {
  const url = await startEventStoreDb(stage);
  const service = await startService(stage, { DATABASE_URL: await startPostgres(stage), EVENTSTORE_URL: url });
  const client = EventStoreDBClient.connectionString(url);
  stage.closing.add('client', () => client.dispose());
  const seconds = stage.pick(4, 1.5);
  return alternating(
    stage,
    async () => (await measured(stage, 'create', service, { ...createTask(service), connections: IN_FLIGHT, seconds })).rate,
    async () => {
      const rate = await rawAppends(client, seconds);
      stage.say(`  raw client   ${Math.round(rate)} appends/s`);
      return rate;
    },
  );
}

async function rawAppends(client: EventStoreDBClient, seconds: number): Promise<number> {
  const json = (bytes: number) => new Uint8Array(Buffer.from(JSON.stringify({ of: randomBytes(bytes * 0.7).toString('base64') })));
  const [metadata, data] = [json(350), json(400)];
  const contentType = 'application/octet-stream' as const;
  const since = performance.now();
  let appended = 0;
  const one = async () => {
    for (; performance.now() - since < seconds * 1_000; appended++) {
      const event = { id: randomUUID(), type: 'TaskCreated', contentType, metadata, data };
      await client.appendToStream(`bare-${randomUUID()}`, event, { expectedRevision: 'no_stream' });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
  return (appended * 1_000) / (performance.now() - since);
}

async function projector(stage: Stage): Promise<Pair[]> {
  const set = await newTasks(stage);
  const { newVault, ...parts } = await openDataSet(stage, set);
  const url = await startEventStoreDb(stage);
  const events = await fill(stage, parts.store, url);
  const store = await createEventStoreDb({ url, saveKeys: async () => {}, log: stage.say });
  stage.closing.add('event store', () => store.close());
  const client = EventStoreDBClient.connectionString(url);
  stage.closing.add('client', () => client.dispose());
  let version = 2_000;
  return alternating(
    stage,
    async () => {
      const projection = { ...listing, version: ++version };
      const seconds = await runProjector(projection, { ...parts, store, vault: newVault() });
      await dropGeneration(parts.pool, projection, 1);
      stage.say(`  projector    ${Math.round(events / seconds)} events/s`);
      return events / seconds;
    },
    async () => {
      const since = performance.now();
      let read = 0;
      for await (const _ of client.readAll()) read++;
      const rate = (read * 1_000) / (performance.now() - since);
      stage.say(`  reading $all ${Math.round(rate)} events/s`);
      return rate;
    },
  );
}

/** Brings the log of a data set into EventStoreDB. @returns how many events there are */
async function fill(
  stage: Stage,
  from: { readAll: Awaited<ReturnType<typeof openDataSet>>['store']['readAll'] },
  url: string,
): Promise<number> {
  const filling = new LogImport({ url, log: stage.say });
  try {
    let count = 0;
    for (let after = BEGINNING; ; ) {
      const page = await from.readAll({ after, limit: PAGE });
      if (page.length === 0) return count;
      await filling.write(page);
      count += page.length;
      after = page.at(-1)!.position;
    }
  } finally {
    await filling.close();
  }
}
