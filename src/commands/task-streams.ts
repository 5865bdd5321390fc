import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { decodeEvents } from '../events/codec.ts';
import type { KeyVault, OnUnreadable } from '../events/keys/key-vault.ts';
import type { RecordedTaskEvent } from '../events/recorded-event.ts';
import type { EventStore } from '../events/store/event-store.ts';
import { taskStream } from '../events/task/task-events.ts';
import { emptyAggregate, foldIn, type TaskAggregate } from './task-aggregate.ts';

const CACHED_AGGREGATES = 20_000;
/** Of all of them, some 200 bytes each: a few hundred tasks that are changed all the time have a thousand each. */
const CACHED_COMMANDS = 600_000;
const PAGE = 1000;

/**
 * Task streams as aggregates, with the recent ones kept folded. Use one at a time for each task. Reading a task whose key is there and
 * does not open throws KeyUnreadable: a decision on blanked text would be wrong.
 */
export interface TaskStreams {
  /** The aggregate as this process last knew it; undefined when it does not. */
  known(taskId: string): TaskAggregate | undefined;
  /** The aggregate as it is in the store at this moment. */
  current(taskId: string): Promise<TaskAggregate>;
  /** The aggregate likewise, for who needs no text: with what cannot be read left out. It is not remembered. */
  currentWithoutText(taskId: string): Promise<TaskAggregate>;
  keep(aggregate: TaskAggregate): void;
  /** Reads the task from the store when it is next needed; all tasks when none is named. */
  forget(taskId?: string): void;
  /** The decoded events of a stream, from a revision to another, both included; a page at a time, for streams of any length. */
  pages(taskId: string, from?: number, to?: number): AsyncIterable<RecordedTaskEvent[]>;
  /** All of them at once. */
  events(taskId: string, from?: number, to?: number): Promise<RecordedTaskEvent[]>;
}

/** @param cachedCommands how many commands the aggregates kept remember at most, all together */
export function createTaskStreams(store: EventStore, vault: KeyVault, cachedCommands = CACHED_COMMANDS): TaskStreams {
  const cache = new LRUCache<string, TaskAggregate>({
    max: CACHED_AGGREGATES,
    maxSize: cachedCommands,
    sizeCalculation: ({ commands }) => Math.max(1, commands.size),
  });

  // An aggregate is changed in place: its size is looked at only when it is new.
  const keep = (aggregate: TaskAggregate) => {
    if (aggregate.isBlanked) return;
    cache.delete(aggregate.taskId);
    cache.set(aggregate.taskId, aggregate);
  };

  async function* pages(
    taskId: string,
    from: number,
    to: number,
    unreadable: OnUnreadable = 'refuse',
  ): AsyncGenerator<RecordedTaskEvent[]> {
    for (let next = from; next <= to; ) {
      const limit = Math.min(PAGE, to - next + 1);
      const stored = await store.readStream(taskStream(taskId), { from: next, limit });
      const wanted = stored.filter(({ revision }) => revision <= to);
      if (wanted.length > 0) yield (await decodeEvents(wanted, vault, unreadable)) as RecordedTaskEvent[];
      if (wanted.length < limit) return;
      next = wanted.at(-1)!.revision + 1;
      // A page from memory takes no turn of the event loop by itself, and others are waiting.
      await nextTurn();
    }
  }

  return {
    known: (taskId) => cache.get(taskId),
    async current(taskId) {
      const aggregate = cache.get(taskId) ?? emptyAggregate(taskId);
      for await (const page of pages(taskId, aggregate.revision + 1, Number.MAX_SAFE_INTEGER)) foldIn(aggregate, page);
      if (aggregate.revision >= 0) keep(aggregate);
      return aggregate;
    },
    async currentWithoutText(taskId) {
      const aggregate: TaskAggregate = { ...emptyAggregate(taskId), isBlanked: true };
      for await (const page of pages(taskId, 0, Number.MAX_SAFE_INTEGER, 'redact')) foldIn(aggregate, page);
      return aggregate;
    },
    pages: (taskId, from = 0, to = Number.MAX_SAFE_INTEGER) => pages(taskId, from, to),
    keep,
    forget(taskId) {
      if (taskId === undefined) cache.clear();
      else cache.delete(taskId);
    },
    async events(taskId, from = 0, to = Number.MAX_SAFE_INTEGER) {
      const all: RecordedTaskEvent[] = [];
      for await (const page of pages(taskId, from, to)) all.push(...page);
      return all;
    },
  };
}
