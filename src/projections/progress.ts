import { setTimeout as pause } from 'node:timers/promises';
import { BEGINNING, type Position } from '../events/store/event-store.ts';

/** How far read models have come, as far as this instance knows, and a way to wait for them. */
export interface Progress {
  /** @param epoch when the position was read, by `epoch`: what was read before a loss is not believed after it */
  moved(model: string, position: Position, epoch?: number): void;
  position(model: string): Position | undefined;
  /** Grows with every loss. */
  readonly epoch: number;
  /**
   * A connection to the database was lost, and the last rows may be lost with it: read models commit without waiting for the disk. What is
   * known is unknown until it is read again, and a read model that has fallen back has reached nothing until it is where it was.
   */
  forget(): void;
  /** The log is another one, or an earlier state of it: nothing that was reached holds. */
  reset(): void;
  /** Calls back whenever a read model is heard to have moved. */
  onMove(model: string, listener: () => void): void;
  /**
   * Waits until a read model has reached a position, and every position that this instance has known it to have reached.
   * @returns false when it has not by `timeoutMs`, or is stopped
   */
  reached(model: string, position: Position, timeoutMs: number): Promise<boolean>;
  /** Waits for that as long as it takes. @throws what the signal aborts with */
  follow(model: string, position: Position, signal: AbortSignal): Promise<void>;
}

export interface ProgressSource {
  /** The checkpoint as it is stored: another instance may be the one that writes. */
  read(model: string): Promise<Position | undefined>;
  isStopped(model: string): boolean;
  /** Somebody waits for a read model. */
  hurry?(model: string): void;
}

const POLL_MS = 25;
/** Between two looks of those who wait as long as it takes, also while the read model is stopped. */
const FOLLOW_INTERVAL_MS = 250;

export function createProgress(source: ProgressSource): Progress {
  const positions = new Map<string, Position>();
  /** How far each was when a connection was lost. */
  const floors = new Map<string, Position>();
  const reading = new Map<string, Promise<void>>();
  let epoch = 0;
  const waiting = new Map<string, Set<() => void>>();
  const listeners = new Map<string, (() => void)[]>();

  const moved = (model: string, position: Position, readIn = epoch) => {
    if (readIn !== epoch || position <= (positions.get(model) ?? -1n)) return;
    positions.set(model, position);
    for (const wake of waiting.get(model) ?? []) wake();
    for (const listener of listeners.get(model) ?? []) listener();
  };

  const hasReached = (model: string, position: Position): boolean => {
    const known = positions.get(model) ?? BEGINNING;
    return known >= position && known >= (floors.get(model) ?? BEGINNING);
  };

  /** All that wait for a read model share one statement at a time. */
  const readStored = (model: string): Promise<void> => {
    const underWay = reading.get(model);
    if (underWay) return underWay;
    const readIn = epoch;
    const read = source
      .read(model)
      .then(
        (stored) => stored !== undefined && moved(model, stored, readIn),
        () => {},
      )
      .then(() => {
        if (reading.get(model) === read) reading.delete(model);
      });
    reading.set(model, read);
    return read;
  };

  const nextMove = (model: string, ms: number) =>
    new Promise<void>((resolve) => {
      const wakers = waiting.get(model) ?? new Set();
      waiting.set(model, wakers);
      const wake = () => {
        clearTimeout(timer);
        wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      wakers.add(wake);
    });

  const reached = async (model: string, position: Position, timeoutMs: number): Promise<boolean> => {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (hasReached(model, position)) return true;
      if (source.isStopped(model) || performance.now() >= deadline) return false;
      source.hurry?.(model);
      await nextMove(model, Math.min(POLL_MS, Math.max(deadline - performance.now(), 1)));
      if (hasReached(model, position)) return true;
      await readStored(model);
    }
  };

  return {
    moved,
    position: (model) => positions.get(model),
    get epoch() {
      return epoch;
    },
    forget() {
      epoch++;
      for (const [model, position] of positions) if (position > (floors.get(model) ?? -1n)) floors.set(model, position);
      positions.clear();
      reading.clear();
    },
    reset() {
      epoch++;
      positions.clear();
      floors.clear();
      reading.clear();
    },
    onMove: (model, listener) => void listeners.set(model, [...(listeners.get(model) ?? []), listener]),
    reached,
    async follow(model, position, signal) {
      for (signal.throwIfAborted(); !(await reached(model, position, FOLLOW_INTERVAL_MS)); signal.throwIfAborted())
        await pause(FOLLOW_INTERVAL_MS, undefined, { signal });
    },
  };
}
