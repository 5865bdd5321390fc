import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Append,
  type Appended,
  BEGINNING,
  type EventStore,
  type StoredEvent,
  StoreOverloaded,
  StoreUnavailable,
} from '../../src/events/store/event-store.ts';
import { append, aStream, events } from '../contract/events.ts';
import { faultsOf } from '../contract/race.ts';

export interface AppendLoad {
  /** Where the last event of each acknowledged append stands, by its id. */
  readonly acknowledged: ReadonlyMap<string, Appended>;
  /** How often a caller was told that the store is away or has too much to do. */
  readonly refusals: number;
  /** The longest time a caller waited for any answer, in milliseconds. */
  readonly longestWait: number;
  /** Fulfilled when so many more have been acknowledged. */
  more(count: number): Promise<void>;
  /** Lets every writer have its last append acknowledged. */
  stop(): Promise<void>;
}

const PATIENCE = 60_000;

/**
 * Writers that each append two events at a time to a stream of their own, and do the same again until they are told what became of it.
 * The signal ends them wherever they are.
 */
export function startAppendLoad(store: EventStore, writers: number, signal: AbortSignal): AppendLoad {
  const acknowledged = new Map<string, Appended>();
  let refusals = 0;
  let longestWait = 0;
  let running = true;

  async function once(wanted: Append): Promise<Appended | undefined> {
    const asked = performance.now();
    try {
      return await store.append(wanted);
    } catch (error) {
      if (!(error instanceof StoreUnavailable || error instanceof StoreOverloaded)) throw error;
      refusals++;
      return undefined;
    } finally {
      longestWait = Math.max(longestWait, performance.now() - asked);
    }
  }

  async function write(): Promise<void> {
    const stream = aStream('task');
    for (let revision = -1; running && !signal.aborted; revision += 2) {
      const wanted = append(stream, revision === -1 ? 'no_stream' : revision, ...events(2));
      let answer = await once(wanted);
      for (; !answer; answer = await once(wanted)) await sleep(50, undefined, { signal });
      if (answer.revision !== revision + 2) throw new Error(`${stream} is said to be at ${answer.revision}, not at ${revision + 2}`);
      acknowledged.set(wanted.events[1]!.id, answer);
    }
  }

  const working = Promise.all(Array.from({ length: writers }, write));
  working.catch(() => {});
  return {
    acknowledged,
    get refusals() {
      return refusals;
    },
    get longestWait() {
      return longestWait;
    },
    async more(count) {
      const wanted = acknowledged.size + count;
      for (const giveUp = performance.now() + PATIENCE; acknowledged.size < wanted; await sleep(5)) {
        await Promise.race([working, sleep(0)]);
        if (performance.now() > giveUp) throw new Error(`only ${acknowledged.size} of ${wanted} appends were acknowledged`);
      }
    },
    async stop() {
      running = false;
      await working;
    },
  };
}

/** What is wrong with what a subscriber was given, and what the log holds, after a load: nothing, if all is well. */
export async function faultsAfter(load: AppendLoad, store: EventStore, delivered: readonly StoredEvent[]): Promise<string[]> {
  const log = await store.readAll({ after: BEGINNING, limit: 1_000_000 });
  const faults = faultsOf({ delivered, log, acknowledged: [...load.acknowledged.keys()] });
  const stored = new Map(log.map(({ id, revision, position }) => [id, { revision, position }]));
  for (const [id, answer] of load.acknowledged) {
    const found = stored.get(id);
    if (found?.revision !== answer.revision || found.position !== answer.position) faults.push(`${id} does not stand where it was said to`);
  }
  if (log.length !== load.acknowledged.size * 2) faults.push(`${log.length} events are there of ${load.acknowledged.size} appends`);
  return faults;
}
