import pg from 'pg';
import { encodeEvents } from '../../src/events/codec.ts';
import type { DataKey } from '../../src/events/keys/data-key.ts';
import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import { writeWrappedKeys } from '../../src/events/keys/wrapped-keys.ts';
import type { StoredEvent, WrappedKey } from '../../src/events/store/event-store.ts';
import { importEvents } from '../../src/events/store/postgres/import-events.ts';
import { eventLogMigrations } from '../../src/events/store/postgres/schema.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { created, edited, transitioned } from '../support/happenings.ts';

export const masterKey = 'MASTER_KEY of the tests, long enough';

interface Stream {
  name: string;
  key: DataKey;
  events: number;
  hash: string;
}

/**
 * A history of tasks whose events lie mixed in the global order, sealed and chained as the service does it: now and then a new task,
 * and otherwise the next change to some task. The same numbers give the same history, but for what is sealed.
 */
export function* history(tasks: number, events: number): Generator<{ event: Omit<StoredEvent, 'position'>; key: WrappedKey | null }> {
  const vault = createKeyVault({} as pg.Pool, masterKey);
  const streams: Stream[] = [];
  let random = 1;
  for (let n = 0; n < events; n++) {
    random = (random * 48_271) % 2_147_483_647;
    const isNew = streams.length < tasks && (streams.length === 0 || random % events < tasks * 2);
    const { key, wrapped } = isNew ? vault.create(streamName(streams.length)) : { key: undefined, wrapped: null };
    if (key) streams.push({ name: streamName(streams.length), key, events: 0, hash: '' });
    const stream = isNew ? streams.at(-1)! : streams[random % streams.length]!;
    yield { event: next(stream, n), key: wrapped };
  }
}

function streamName(n: number): string {
  return `task-00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

function next(stream: Stream, n: number): Omit<StoredEvent, 'position'> {
  const revision = stream.events++;
  const happening =
    revision === 0
      ? created({ title: `Task ${n}`, tags: ['moved'] })
      : revision === 1
        ? transitioned('todo', 'in_progress')
        : edited({ title: { from: `Title ${revision - 1}`, to: `Title ${revision}` } });
  const id = n.toString(16).padStart(12, '0');
  const { encoded } = encodeEvents(
    [happening],
    { stream: stream.name, revision, previousHash: stream.hash },
    {
      occurred_at: new Date(Date.UTC(2026, 0, 2) + n * 1000).toISOString(),
      actor: { id: '00000000-0000-7000-8000-00000000000a', kind: 'user' },
      operation_id: `00000000-0000-4000-8000-${id}`,
      request_id: `request-${n}`,
      command_id: `00000000-0000-4000-9000-${id}`,
    },
    { task: stream.key },
  );
  const [event] = encoded;
  stream.hash = (JSON.parse(event!.metadata.toString()) as { hash: string }).hash;
  return { ...event!, stream: stream.name, revision };
}

/** Makes the tables of the event log, with a history in them. */
export async function fillLog(connectionString: string, { tasks, events }: { tasks: number; events: number }): Promise<void> {
  const pool = new pg.Pool({ connectionString, max: 2 });
  try {
    await migrate(pool, [{ part: 'event_log', migrations: eventLogMigrations }]);
    let page: Omit<StoredEvent, 'position'>[] = [];
    let keys: WrappedKey[] = [];
    const write = async () => {
      await writeWrappedKeys(pool, keys);
      await importEvents(pool, page);
      [page, keys] = [[], []];
    };
    for (const { event, key } of history(tasks, events)) {
      page.push(event);
      if (key) keys.push(key);
      if (page.length === 5_000) await write();
    }
    if (page.length > 0) await write();
  } finally {
    await pool.end();
  }
}
