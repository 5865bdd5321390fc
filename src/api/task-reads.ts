import type { Tasks } from '../commands/tasks.ts';
import type { EventStore } from '../events/store/event-store.ts';
import type { FairReads, Requester } from '../platform/postgres/fair-reads.ts';

/**
 * The reads of single tasks on behalf of one requester. What reads a stream takes one of the requester's places for each page, and none
 * between two of them, and ends when the client has disconnected. The task as it is now needs no place: it is kept in memory.
 */
export type TaskReads = Pick<Tasks, 'read' | 'history' | 'events'> & Pick<EventStore, 'readStream'>;
export type TaskReadsFor = (requester: Requester) => TaskReads;

export interface TaskReadsDependencies {
  tasks: Pick<Tasks, 'read' | 'history' | 'events'>;
  store: Pick<EventStore, 'readStream'>;
  reads: Pick<FairReads, 'inPlace'>;
}

export function createTaskReads({ tasks, store, reads }: TaskReadsDependencies): TaskReadsFor {
  return (requester) => {
    const inPlace = <T>(work: () => Promise<T>) => reads.inPlace(requester, work);
    const events: Tasks['events'] = (taskId, range) => pagesInPlace(tasks.events(taskId, range), inPlace);
    return {
      read: tasks.read,
      readStream: (stream, options) => inPlace(() => store.readStream(stream, options)),
      events,
      async history(taskId, reader, { from = 0, to = Number.MAX_SAFE_INTEGER, ...options } = {}) {
        const now = await tasks.read(taskId, reader, options);
        const all = [];
        for await (const page of events(taskId, { from, to: Math.min(to, now.revision) })) all.push(...page);
        return { ...now, events: all };
      },
    };
  };
}

async function* pagesInPlace<T>(pages: AsyncIterable<T>, inPlace: <R>(work: () => Promise<R>) => Promise<R>): AsyncGenerator<T> {
  const iterator = pages[Symbol.asyncIterator]();
  try {
    for (let page = await inPlace(() => iterator.next()); !page.done; page = await inPlace(() => iterator.next())) yield page.value;
  } finally {
    await iterator.return?.();
  }
}
