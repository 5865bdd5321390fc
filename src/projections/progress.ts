import { BEGINNING, type Position } from '../events/store/event-store.ts';

/** How far read models have come, as far as this instance knows, and a way to wait for them. */
export interface Progress {
  moved(model: string, position: Position): void;
  position(model: string): Position | undefined;
  /** Calls back whenever a read model is heard to have moved. */
  onMove(model: string, listener: () => void): void;
  /**
   * Waits until a read model has reached a position.
   * @returns false when it has not by `timeoutMs`, or is stopped
   */
  reached(model: string, position: Position, timeoutMs: number): Promise<boolean>;
}

export interface ProgressSource {
  /** The checkpoint as it is stored: another instance may be the one that writes. */
  read(model: string): Promise<Position | undefined>;
  isStopped(model: string): boolean;
  /** Somebody waits for a read model. */
  hurry?(model: string): void;
}

const POLL_MS = 25;

export function createProgress(source: ProgressSource): Progress {
  const positions = new Map<string, Position>();
  const waiting = new Map<string, Set<() => void>>();
  const listeners = new Map<string, (() => void)[]>();

  const moved = (model: string, position: Position) => {
    if (position <= (positions.get(model) ?? -1n)) return;
    positions.set(model, position);
    for (const wake of waiting.get(model) ?? []) wake();
    for (const listener of listeners.get(model) ?? []) listener();
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

  return {
    moved,
    position: (model) => positions.get(model),
    onMove: (model, listener) => void listeners.set(model, [...(listeners.get(model) ?? []), listener]),
    async reached(model, position, timeoutMs) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        if ((positions.get(model) ?? BEGINNING) >= position) return true;
        if (source.isStopped(model) || performance.now() >= deadline) return false;
        source.hurry?.(model);
        await nextMove(model, Math.min(POLL_MS, Math.max(deadline - performance.now(), 1)));
        if ((positions.get(model) ?? BEGINNING) >= position) return true;
        const stored = await source.read(model).catch(() => undefined);
        if (stored !== undefined) moved(model, stored);
      }
    },
  };
}
