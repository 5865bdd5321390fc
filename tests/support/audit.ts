import { setTimeout as pause } from 'node:timers/promises';
import { decodeEvents, expectedHash } from '../../src/events/codec.ts';
import type { EventMetadata } from '../../src/events/metadata.ts';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import { BEGINNING, type StoredEvent } from '../../src/events/store/event-store.ts';
import { allProjections } from '../../src/projections/all-projections.ts';
import { generationsOf } from '../../src/projections/generation.ts';
import { schemaOf } from '../../src/projections/projection.ts';
import { openBench, readTables } from '../projections/project.ts';
import type { CommandLoad } from './command-load.ts';
import type { Installation } from './installation.ts';

export interface Audit {
  acknowledged: number;
  /** Events of tasks in the log. */
  stored: number;
  lost: number;
  doubled: number;
  /** Milliseconds that the read models took to come to the end of the log. */
  caughtUpIn: number;
  /** Everything that is wrong, in words. */
  faults: string[];
}

const BATCH = 2_000;
const PATIENCE = 30_000;

/**
 * Holds the log against what the callers were told, and the read models against the log.
 * @param others acknowledged commands beside the load's, each with one event on a task
 */
export async function audit(installation: Installation, load: CommandLoad, others = 0): Promise<Audit> {
  const caughtUpIn = await caughtUp(installation);
  const log = await installation.store.readAll({ after: BEGINNING, limit: 1_000_000 });
  const ofTasks = log.filter(({ stream }) => stream.startsWith('task-'));
  const ends = new Map(ofTasks.map(({ stream, revision }) => [stream, revision]));
  const lost = [...load.tasks].reduce((sum, [id, revision]) => sum + Math.max(0, revision - (ends.get(`task-${id}`) ?? -1)), 0);
  const ids = new Set(log.map(({ id }) => id));
  const commands = new Set(ofTasks.map((event) => metadataOf(event).command_id));
  const doubled = log.length - ids.size + (ofTasks.length - commands.size);
  const acknowledged = load.acknowledged + others;
  const faults = [...load.strange, ...brokenChains(log), ...(await differences(installation, log))];
  if (lost > 0) faults.push(`${lost} acknowledged events are not in the log`);
  if (doubled > 0) faults.push(`${doubled} events are there twice, or of a command that had made one`);
  if (acknowledged !== ofTasks.length) faults.push(`${acknowledged} commands were acknowledged, and ${ofTasks.length} events are stored`);
  return { acknowledged, stored: ofTasks.length, lost, doubled, caughtUpIn, faults };
}

async function caughtUp({ store, pool }: Installation): Promise<number> {
  const since = performance.now();
  const head = await store.head();
  for (;;) {
    const positions = await Promise.all(allProjections.map(async (projection) => (await generationsOf(pool, projection))[0]!.position));
    const waited = performance.now() - since;
    if (positions.every((position) => position === head)) return Math.round(waited);
    if (waited > PATIENCE) throw new Error(`the read models are at ${positions.join(' and ')}, the log is at ${head}`);
    await pause(20);
  }
}

function brokenChains(log: readonly StoredEvent[]): string[] {
  const faults: string[] = [];
  const before = new Map<string, { revision: number; hash: string }>();
  for (const event of log) {
    const { revision, hash } = before.get(event.stream) ?? { revision: -1, hash: '' };
    const found = expectedHash(event, hash);
    if (event.revision !== revision + 1) faults.push(`${event.stream} goes from revision ${revision} to ${event.revision}`);
    if (found.carried !== found.expected) faults.push(`the chain of ${event.stream} is broken at revision ${event.revision}`);
    before.set(event.stream, { revision: event.revision, hash: found.carried ?? '' });
  }
  return faults;
}

/** Where the read models are not what the log adds up to when it is folded once, from the beginning, by nobody else. */
async function differences({ pool, vault }: Installation, log: readonly StoredEvent[]): Promise<string[]> {
  const batches: RecordedEvent[][] = [];
  for (let n = 0; n < log.length; n += BATCH) batches.push(await decodeEvents(log.slice(n, n + BATCH), vault));
  const faults: string[] = [];
  const bench = await openBench();
  try {
    for (const projection of allProjections) {
      const folded = await bench.project(projection, ...batches);
      const kept = await readTables(pool, schemaOf({ ...projection, generation: 1 }));
      for (const [table, rows] of Object.entries(folded)) {
        if (JSON.stringify(kept[table]) !== JSON.stringify(rows)) faults.push(`${projection.name}.${table} is not what the log adds up to`);
      }
    }
  } finally {
    await bench.close();
  }
  return faults;
}

function metadataOf(event: StoredEvent): EventMetadata {
  return JSON.parse(event.metadata.toString());
}
