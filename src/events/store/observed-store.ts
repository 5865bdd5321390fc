import { type EventStore, WrongExpectedRevision } from './event-store.ts';

export interface AppendObserver {
  /** An append was acknowledged after so many seconds. */
  appended(seconds: number): void;
  /** An append was refused because another one came first. */
  conflicted(): void;
}

/** The same store, with somebody watching. */
export function observed(store: EventStore, observer: AppendObserver): EventStore {
  return {
    ...store,
    async append(append) {
      const since = performance.now();
      try {
        const appended = await store.append(append);
        observer.appended((performance.now() - since) / 1000);
        return appended;
      } catch (error) {
        if (error instanceof WrongExpectedRevision) observer.conflicted();
        throw error;
      }
    },
  };
}
