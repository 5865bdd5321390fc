import { randomUUID } from 'node:crypto';
import { openEventStore } from '../../src/event-store.ts';
import { encodeEvents } from '../../src/events/codec.ts';
import type { DataKey } from '../../src/events/keys/data-key.ts';
import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import { BEGINNING, type EventStore, type Position } from '../../src/events/store/event-store.ts';
import { taskStream } from '../../src/events/task/task-events.ts';
import { createLog } from '../../src/platform/logging.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { facts, type Happening } from './happenings.ts';
import { keys, type TestService } from './service.ts';

/** A task, as its events. */
export interface History {
  taskId: string;
  happenings: readonly Happening[];
}

/** The log of a running service, to write into and look at from beside it, as another instance would. */
export interface BesideLog {
  /** Appends these as the first events of their tasks, as a release of that vocabulary would. @returns where the last of them stands */
  write(histories: readonly History[], vocabulary?: number): Promise<Position>;
  /** How many events there are of each task, by its stream. */
  lengths(): Promise<Map<string, number>>;
  head(): Promise<Position>;
  close(): Promise<void>;
}

/** A store takes no more than so many at a time. */
const AT_ONCE = 100;

export async function openBesideLog({ sameStores }: Pick<TestService, 'sameStores'>): Promise<BesideLog> {
  const { DATABASE_URL: connectionString, EVENTSTORE_URL: eventStoreUrl } = sameStores as { DATABASE_URL: string; EVENTSTORE_URL?: string };
  const pool = createPool(connectionString, { max: 2, applicationName: 'tests beside', onError: () => {} });
  const logger = createLog({ level: 'error', format: 'json' }, { write: () => {} });
  const signal = new AbortController().signal;
  const store = await openEventStore({ eventStoreUrl, connectionString, pool, logger, signal });
  const vault = createKeyVault(pool, keys.MASTER_KEY!);
  const writeOne = async ({ taskId, happenings }: History, vocabulary?: number): Promise<Position> => {
    const stream = taskStream(taskId);
    const { key, wrapped } = vault.create(stream);
    const decided = facts(happenings, taskId);
    const authors = new Map<string, DataKey>();
    for (const { type, by } of decided) if (type.startsWith('Comment')) authors.set(by, await vault.ofPerson(`user-${by}`));
    const ids = { operation_id: randomUUID(), command_id: randomUUID(), request_id: 'beside' };
    let previousHash = '';
    const events = decided.flatMap(({ at: occurred_at, by, ...event }, revision) => {
      const context = {
        occurred_at,
        actor: { id: by, kind: 'user' as const },
        ...ids,
        operation_id: happenings[revision]!.operation ?? randomUUID(),
      };
      const author = authors.get(by);
      const sealedBy = { task: key, ...(author && { author }) };
      const { encoded, recorded } = encodeEvents([event], { stream, revision, previousHash }, context, sealedBy, vocabulary);
      previousHash = recorded[0]!.metadata.hash;
      return encoded;
    });
    return (await store.append({ stream, expectedRevision: 'no_stream', events, newKeys: [wrapped] })).position;
  };
  return {
    async write(histories, vocabulary) {
      // The store connects for its first append: what comes all at once before that may wait too long.
      let highest = histories[0] ? await writeOne(histories[0], vocabulary) : BEGINNING;
      for (let next = 1; next < histories.length; next += AT_ONCE) {
        const positions = await Promise.all(histories.slice(next, next + AT_ONCE).map((history) => writeOne(history, vocabulary)));
        for (const position of positions) if (position > highest) highest = position;
      }
      return highest;
    },
    lengths: () => lengths(store),
    head: () => store.head(),
    async close() {
      await store.close();
      await pool.end();
    },
  };
}

async function lengths(store: EventStore): Promise<Map<string, number>> {
  const counted = new Map<string, number>();
  for (const { stream } of await store.readAll({ after: BEGINNING, limit: 1_000_000 })) counted.set(stream, (counted.get(stream) ?? 0) + 1);
  return counted;
}
