import type { Append, Appended } from '../event-store.ts';
import { sizeOf } from './batch.ts';

export interface PendingAppend {
  append: Append;
  bytes: number;
  /** When it was queued or, once it is first in its stream, when it became so; of performance.now(). */
  since: number;
  resolve(appended: Appended): void;
  reject(error: Error): void;
}

export interface QueueLimits {
  /** Appends that may wait. */
  length: number;
  /** Milliseconds the first may have waited when another one comes. */
  age: number;
  /** Of one batch; a single append that is larger goes alone. */
  batchEvents: number;
  batchBytes: number;
}

export const queueLimits: QueueLimits = { length: 10_000, age: 2_000, batchEvents: 1_000, batchBytes: 2 ** 22 };

/**
 * The appends that wait. Of each stream only the first is ready, the others stand behind it until it is released: so no batch holds two
 * of one stream, and a busy stream holds up no other.
 */
export class AppendQueue {
  readonly #limits: QueueLimits;
  #ready: PendingAppend[] = [];
  /** A key for each stream with an append that is ready or taken. */
  readonly #behind = new Map<string, PendingAppend[] | undefined>();
  #length = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Whether an append to this stream would wait behind too many others, or too old ones. */
  isFullFor(stream: string): boolean {
    const oldest = Math.min(this.#ready[0]?.since ?? Infinity, this.#behind.get(stream)?.[0]?.since ?? Infinity);
    return this.#length >= this.#limits.length || performance.now() - oldest > this.#limits.age;
  }

  add(append: Append, resolve: PendingAppend['resolve'], reject: PendingAppend['reject']): void {
    const pending = { append, bytes: sizeOf(append), since: performance.now(), resolve, reject };
    this.#length++;
    if (!this.#behind.has(append.stream)) {
      this.#behind.set(append.stream, undefined);
      this.#ready.push(pending);
      return;
    }
    const behind = this.#behind.get(append.stream);
    if (behind) behind.push(pending);
    else this.#behind.set(append.stream, [pending]);
  }

  /** Takes what goes together next, the longest waiting first. Empty when nothing waits. */
  takeBatch(): PendingAppend[] {
    let events = 0;
    let bytes = 0;
    let count = 0;
    for (const { append, bytes: size } of this.#ready) {
      events += append.events.length;
      bytes += size;
      if (count > 0 && (events > this.#limits.batchEvents || bytes > this.#limits.batchBytes)) break;
      count++;
    }
    this.#length -= count;
    return this.#ready.splice(0, count);
  }

  /** The batch has been dealt with: what stood behind it is ready. */
  release(batch: readonly PendingAppend[]): void {
    const now = performance.now();
    for (const { append } of batch) {
      const behind = this.#behind.get(append.stream);
      const next = behind?.shift();
      if (!next) {
        this.#behind.delete(append.stream);
        continue;
      }
      next.since = now;
      this.#ready.push(next);
    }
  }

  /** Takes everything that waits. */
  drain(): PendingAppend[] {
    const ready = this.#ready.splice(0);
    const behind = [...this.#behind.values()].flatMap((waiting) => waiting?.splice(0) ?? []);
    for (const { append } of ready) this.#behind.delete(append.stream);
    this.#length = 0;
    return [...ready, ...behind];
  }
}
