import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { expectedHash } from '../../../src/events/codec.ts';
import type { StoredEvent } from '../../../src/events/store/event-store.ts';
import { adoptLogId, importEvents } from '../../../src/events/store/postgres/import-events.ts';
import { createPostgresEventStore } from '../../../src/events/store/postgres/postgres-event-store.ts';
import { eventLogMigrations } from '../../../src/events/store/postgres/schema.ts';
import { migrate } from '../../../src/platform/postgres/migrate.ts';
import { type CopyOptions, copyLog, NotEqual, OtherLog } from '../../../src/tools/log/copy-log.ts';
import type { WritableLog } from '../../../src/tools/log/log.ts';
import { postgresLog } from '../../../src/tools/log/store-log.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { fillLog } from '../history.ts';

type Unpositioned = Omit<StoredEvent, 'position'>;

const EVENTS = 2_500;
const open: (() => Promise<unknown>)[] = [];
let source: Opened;

interface Opened {
  log: WritableLog;
  pool: pg.Pool;
}

async function openLog(connectionString: string, adopt?: string): Promise<Opened> {
  const pool = new pg.Pool({ connectionString, max: 2 });
  open.push(() => pool.end());
  await migrate(pool, [{ part: 'event_log', migrations: eventLogMigrations }]);
  if (adopt !== undefined) await adoptLogId(pool, adopt);
  const store = await createPostgresEventStore({ connectionString, log: () => {} });
  open.push(() => store.close());
  return { log: postgresLog(store, pool), pool };
}

async function emptyLog(adopt: string | undefined = source.log.logId): Promise<Opened> {
  const database = await createTestDatabase();
  open.push(() => database.drop());
  return openLog(database.connectionString, adopt);
}

beforeAll(async () => {
  const database = await createTestDatabase();
  open.push(() => database.drop());
  await fillLog(database.connectionString, { tasks: 300, events: EVENTS });
  source = await openLog(database.connectionString);
});
afterAll(async () => {
  for (const close of open.reverse()) await close();
});

const quietly: CopyOptions = { signal: new AbortController().signal, onProgress() {}, onVerified() {} };

async function eventsOf({ log }: Pick<Opened, 'log'>): Promise<Unpositioned[]> {
  const events: Unpositioned[] = [];
  for await (const page of log.pages()) events.push(...page.map(({ position: _, ...event }) => event));
  return events;
}

/** All of an event; jest takes long to compare buffers. */
const textOf = ({ stream, revision, id, type, metadata, data }: Unpositioned) =>
  [stream, revision, id, type, metadata.toString('base64'), data.toString('base64')].join(' ');

describe('copying a log', () => {
  test('brings over all events in their order, byte for byte', async () => {
    const target = await emptyLog();
    const positions: [bigint, bigint][] = [];
    const copied = await copyLog(source.log, target.log, {
      ...quietly,
      onVerified: (before, now) => void positions.push([before.position, now.position]),
    });
    expect(copied).toMatchObject({ events: EVENTS, found: 0 });
    const [ours, theirs] = [await eventsOf(source), await eventsOf(target)];
    expect(theirs).toHaveLength(EVENTS);
    expect(theirs.map(textOf)).toEqual(ours.map(textOf));
    expect(positions).toHaveLength(EVENTS);
    expect(target.log.logId).toBe(source.log.logId);
    const hashes = new Map<string, string>();
    for (const event of theirs) {
      const { expected, carried } = expectedHash({ ...event, position: 0n }, hashes.get(event.stream) ?? '');
      expect(carried).toBe(expected);
      hashes.set(event.stream, expected);
    }
    expect(hashes.size).toBeGreaterThan(200);
  });

  test('that was cut off goes on where it was, and comes to the same digest', async () => {
    const target = await emptyLog();
    const stopping = new AbortController();
    const cutOff = copyLog(source.log, target.log, { ...quietly, signal: stopping.signal, onProgress: () => stopping.abort() });
    await expect(cutOff).rejects.toMatchObject({ name: 'AbortError' });
    const there = (await eventsOf(target)).length;
    expect(there).toBeGreaterThan(0);
    expect(there).toBeLessThan(EVENTS);
    const phases = new Set<string>();
    const copied = await copyLog(source.log, target.log, { ...quietly, onProgress: (phase) => void phases.add(phase) });
    expect(copied).toMatchObject({ events: EVENTS, found: there });
    expect([...phases]).toEqual(['comparing', 'copying', 'verifying']);
    expect(await copyLog(source.log, target.log, quietly)).toEqual({ ...copied, found: EVENTS });
  });

  test('writes nothing to a log of another identity', async () => {
    const target = await emptyLog('00000000-0000-4000-8000-0000000000aa');
    await expect(copyLog(source.log, target.log, quietly)).rejects.toBeInstanceOf(OtherLog);
    expect(await eventsOf(target)).toEqual([]);
  });

  test.each<[string, (events: Unpositioned[]) => Unpositioned[]]>([
    ['another event', ([first]) => [{ ...first!, id: '00000000-0000-4000-8000-0000000000cc' }]],
    ['other bytes', ([first]) => [{ ...first!, data: Buffer.from('{}') }]],
    ['its events in another order', ([first, ...others]) => [others.find(({ revision }) => revision === 0)!, first!]],
    ['more', (events) => [...events, { ...events[0]!, stream: 'task-of-another-time' }]],
  ])('writes nothing to a log that holds %s', async (_, change) => {
    const target = await emptyLog();
    const there = change(await eventsOf(source));
    await importEvents(target.pool, there);
    await expect(copyLog(source.log, target.log, quietly)).rejects.toBeInstanceOf(OtherLog);
    expect(await eventsOf(target)).toHaveLength(there.length);
  });

  test('does not take a copy for right that was changed on its way', async () => {
    const target = await emptyLog();
    const forging: WritableLog = {
      ...target.log,
      write: (events) =>
        target.log.write(events.map((event, n) => (n === 7 ? { ...event, data: Buffer.concat([event.data, Buffer.from(' ')]) } : event))),
    };
    await expect(copyLog(source.log, forging, quietly)).rejects.toBeInstanceOf(NotEqual);
  });
});
