import type { EventStore, Position, StoredEvent } from '../../src/events/store/event-store.ts';

export interface Follower {
  /** All that has come so far. */
  readonly events: StoredEvent[];
  /** Fulfilled when the subscription has said so for the first time. */
  readonly caughtUp: Promise<void>;
  /** Fulfilled when everything up to a position has come; rejected after some seconds without. */
  reached(position: Position): Promise<void>;
  /** Fulfilled when the subscription has ended, rejected when it failed. */
  readonly ended: Promise<void>;
}

const PATIENCE = 20_000;

/** A subscriber that keeps what it gets. */
export function follow(store: EventStore, after: Position, signal: AbortSignal, handle: () => Promise<unknown> = async () => {}): Follower {
  const events: StoredEvent[] = [];
  let position = after;
  const waiting = new Set<() => void>();
  const caughtUp = Promise.withResolvers<void>();
  const run = async () => {
    for await (const batch of store.subscribe({ after, signal })) {
      events.push(...batch.events);
      position = batch.position;
      if (batch.caughtUp) caughtUp.resolve();
      for (const look of waiting) look();
      await handle();
    }
  };
  const ended = run();
  ended.catch(() => {});
  const reached = (wanted: Position) =>
    new Promise<void>((resolve, reject) => {
      const done = (settle: () => void) => {
        waiting.delete(look);
        clearTimeout(timer);
        settle();
      };
      const look = () => {
        if (position >= wanted) done(resolve);
      };
      const timer = setTimeout(() => done(() => reject(new Error(`the subscriber is still at ${position}, not at ${wanted}`))), PATIENCE);
      waiting.add(look);
      ended.catch((error) => done(() => reject(error)));
      look();
    });
  return { events, caughtUp: caughtUp.promise, reached, ended };
}
