import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { EventStore, Position } from '../events/store/event-store.ts';
import { misplacement } from '../events/store/last-event.ts';
import {
  beginRebuild,
  dropRetired,
  type Generation,
  generationsOf,
  keepFormer,
  promote,
  RebuildRunning,
  TooManyFormer,
} from '../projections/generation.ts';
import type { Projection } from '../projections/projection.ts';
import type { Tool } from './command-line.ts';
import type { Workforce } from './workforce.ts';

export interface RebuildParts {
  pool: pg.Pool;
  store: EventStore;
  workforce: Workforce;
  tool: Tool;
}

const LOOK_EVERY_MS = 500;
const TAKE_BACK_WITHIN_MS = 60_000;

/**
 * Begins a rebuild, or joins the one that is under way, and waits until queries read what it made.
 * @returns the number of the new generation
 */
export async function rebuild(projection: Projection, parts: RebuildParts): Promise<number> {
  const { pool, store, workforce, tool } = parts;
  await workforce.ensure();
  await requireWorkable(projection, parts);
  const generation = await beginOrJoin(pool, projection, store.logId, tool.signal);
  for (;;) {
    await workforce.ensure();
    const made = (await generationsOf(pool, projection)).find((each) => each.generation === generation);
    if (made === undefined) throw new Error(`The new generation of ${projection.name} was dropped by somebody else`);
    if (made.state === 'live') return generation;
    const trouble = workforce.trouble(projection, generation);
    if (trouble !== null) throw new Error(`The rebuild of ${projection.name} stands still: ${trouble}`);
    const head = await store.head();
    tool.progress.show(projection.name, progressOf(made, head), `${made.paused ? 'paused, ' : ''}position ${made.position} of ${head}`);
    await sleep(LOOK_EVERY_MS, undefined, { signal: tool.signal });
  }
}

/** A service that was running when its log was restored goes on as if nothing had happened, and would never let the new rows be read. */
async function requireWorkable(projection: Projection, { pool, store, workforce }: RebuildParts): Promise<void> {
  const live = (await generationsOf(pool, projection)).find(({ state }) => state === 'live');
  const reason = live ? await misplacement(live, store) : null;
  if (reason !== null && (await workforce.isServiceRunning()))
    throw new Error(`${projection.name} ${reason}: stop every instance of the service first`);
}

/** Where as many former generations are kept as may be, it waits for the oldest to be dropped. */
async function beginOrJoin(pool: pg.Pool, projection: Projection, logId: string, signal: AbortSignal): Promise<number> {
  try {
    return (await beginRebuild(pool, projection, logId)).generation;
  } catch (error) {
    if (error instanceof TooManyFormer) {
      await sleep(LOOK_EVERY_MS, undefined, { signal });
      await dropRetired(pool, projection);
      return beginOrJoin(pool, projection, logId, signal);
    }
    const building = (await generationsOf(pool, projection)).find(({ state }) => state === 'building');
    if (!(error instanceof RebuildRunning) || building === undefined) throw error;
    return building.generation;
  }
}

/** Lets queries read the generation again that they read before the last rebuild. @returns its number @throws Error when it is gone */
export async function takeBack(projection: Projection, { pool, workforce, tool: { signal } }: RebuildParts): Promise<number> {
  const former = await keepFormer(pool, projection);
  if (former === null) throw new Error(`The former generation of ${projection.name} is gone: it is kept for a minute after a rebuild`);
  for (const giveUpAt = Date.now() + TAKE_BACK_WITHIN_MS; Date.now() < giveUpAt; await sleep(LOOK_EVERY_MS, undefined, { signal })) {
    if (await promote(pool, projection, former)) return former;
    await workforce.ensure();
  }
  throw new Error(`The former generation of ${projection.name} is behind the one that is read, and does not catch up`);
}

/** A line for each generation that there is. */
export async function describeGenerations(projection: Projection, { pool, store, workforce }: RebuildParts): Promise<string> {
  const [generations, head, isRunning] = [await generationsOf(pool, projection), await store.head(), await workforce.isServiceRunning()];
  const lines = generations.map((each) => {
    const { state, generation, paused, position } = each;
    const done = `${(progressOf(each, head) * 100).toFixed(1)} %`;
    return `  generation ${generation}: ${state}${paused ? ', paused' : ''}, position ${position} of ${head} (${done})`;
  });
  return [`${projection.name}, version ${projection.version}; the service ${isRunning ? 'runs' : 'does not run'}`, ...lines].join('\n');
}

function progressOf({ position }: Generation, head: Position): number {
  return head === 0n ? 1 : Math.min(1, Number((position * 10_000n) / head) / 10_000);
}
