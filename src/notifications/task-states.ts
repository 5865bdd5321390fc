import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { decodeEvents } from '../events/codec.ts';
import type { KeyVault } from '../events/keys/key-vault.ts';
import { type RecordedTaskEvent, subjectId, toFact } from '../events/recorded-event.ts';
import type { EventStore } from '../events/store/event-store.ts';
import { evolve, type Task } from '../events/task/task.ts';

const KEPT = 2_000;
const PAGE = 1_000;

interface State {
  task: Task | null;
  revision: number;
}

export interface TaskStateParts {
  store: Pick<EventStore, 'readStream'>;
  vault: KeyVault;
}

/**
 * Tasks as events left them, folded from their streams: a read model may be elsewhere. The recent ones are kept, so that whoever follows
 * the log seldom reads a stream. @throws StoreUnavailable, DatabaseUnavailable
 */
export function createTaskStates({ store, vault }: TaskStateParts): (event: RecordedTaskEvent) => Promise<Task | null> {
  const kept = new LRUCache<string, State>({ max: KEPT });

  async function between(event: RecordedTaskEvent, state: State): Promise<State> {
    let { task, revision } = state;
    while (revision + 1 < event.revision) {
      const limit = Math.min(PAGE, event.revision - revision - 1);
      const stored = await store.readStream(event.stream, { from: revision + 1, limit });
      if (stored.length === 0) throw new Error(`The stream ${event.stream} has no event ${revision + 1}, but ${event.revision}`);
      const before = stored.filter((earlier) => earlier.revision < event.revision);
      for (const earlier of (await decodeEvents(before, vault)) as RecordedTaskEvent[]) task = evolve(task, toFact(earlier));
      // Where fewer came, events of another application stand between.
      revision = before.length < limit ? event.revision - 1 : before.at(-1)!.revision;
      await nextTurn();
    }
    return { task, revision };
  }

  return async (event) => {
    const taskId = subjectId(event);
    const known = kept.get(taskId);
    if (known?.revision === event.revision) return known.task;
    // What is told again stands before what was folded already.
    const from = known && known.revision < event.revision ? known : { task: null, revision: -1 };
    const before = await between(event, from);
    const task = evolve(before.task, toFact(event));
    kept.set(taskId, { task, revision: event.revision });
    return task;
  };
}
