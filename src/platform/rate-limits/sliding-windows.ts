import { LRUCache } from 'lru-cache';

/** Where a key stands in its window. */
export interface Standing {
  limit: number;
  remaining: number;
  /** Milliseconds of the Unix clock: when the next part of what was taken is given back. */
  resetAt: number;
  /** Milliseconds until then. */
  wait: number;
  refused: boolean;
}

/** What was taken by one key in one slice of time. */
export interface Taking {
  key: string;
  /** Counted from the beginning of the Unix clock. */
  slice: number;
  count: number;
}

/** In milliseconds. A window forgets whole slices, so that it is up to this much shorter than it should be, and never longer. */
const SLICE = 250;

interface Slice {
  at: number;
  count: number;
  /** How much of it the other instances have not been told. */
  untold: number;
}

/** The slices in which something was taken, the oldest first. */
interface Entry {
  slices: Slice[];
  total: number;
}

export interface WindowOptions {
  /** How much may be taken within the window. */
  limit: number;
  /** Milliseconds. */
  length: number;
  /** How many keys are remembered: beyond, those that have been silent longest are forgotten. */
  keys: number;
}

/**
 * A sliding window for each key, in memory. What is refused is not counted: who keeps trying gets in as soon as somebody who waits.
 * A key costs as much memory as it has slices with something in them, which is never more than requests were let through.
 */
export class SlidingWindows {
  readonly #limit: number;
  readonly #width: number;
  readonly #entries: LRUCache<string, Entry>;
  #changed: { key: string; slice: Slice }[] = [];

  constructor({ limit, length, keys }: WindowOptions) {
    this.#limit = limit;
    this.#width = Math.ceil(length / SLICE);
    this.#entries = new LRUCache({ max: keys });
  }

  /** Takes one, if there is one left. @param now milliseconds of the Unix clock */
  take(key: string, now: number): Standing {
    const at = Math.floor(now / SLICE);
    const entry = this.#entryOf(key, at);
    if (entry.total >= this.#limit) return this.#standing(entry, now, true);
    let slice = entry.slices.at(-1);
    if (slice === undefined || slice.at < at) {
      slice = { at, count: 0, untold: 0 };
      entry.slices.push(slice);
    }
    slice.count++;
    entry.total++;
    if (slice.untold++ === 0) this.#changed.push({ key, slice });
    return this.#standing(entry, now, false);
  }

  /** How things stand, without taking anything. */
  look(key: string, now: number): Standing {
    return this.#standing(this.#entryOf(key, Math.floor(now / SLICE)), now, false);
  }

  /** What was taken here since the last call, as far as it still counts. */
  untold(now: number): Taking[] {
    const changed = this.#changed;
    this.#changed = [];
    const oldest = this.#oldest(Math.floor(now / SLICE));
    return changed.flatMap(({ key, slice }) => {
      const count = slice.untold;
      slice.untold = 0;
      return slice.at < oldest ? [] : [{ key, slice: slice.at, count }];
    });
  }

  /** Counts what was taken elsewhere. */
  add({ key, slice: at, count }: Taking, now: number): void {
    const current = Math.floor(now / SLICE);
    if (at < this.#oldest(current)) return;
    const entry = this.#entryOf(key, current);
    entry.total += count;
    const { slices } = entry;
    let place = slices.length;
    while (place > 0 && slices[place - 1]!.at > at) place--;
    const before = slices[place - 1];
    if (before?.at === at) before.count += count;
    else slices.splice(place, 0, { at, count, untold: 0 });
  }

  #oldest(current: number): number {
    return current - this.#width + 1;
  }

  #entryOf(key: string, current: number): Entry {
    const known = this.#entries.get(key);
    if (!known) {
      const entry: Entry = { slices: [], total: 0 };
      this.#entries.set(key, entry);
      return entry;
    }
    const oldest = this.#oldest(current);
    while (known.slices.length > 0 && known.slices[0]!.at < oldest) known.total -= known.slices.shift()!.count;
    return known;
  }

  #standing({ slices, total }: Entry, now: number, refused: boolean): Standing {
    const limit = this.#limit;
    const resetAt = this.#givenBackAt(slices, total) ?? now;
    return { limit, remaining: Math.max(0, limit - total), resetAt, wait: resetAt - now, refused };
  }

  /** When one more can be had than now, or one at all. */
  #givenBackAt(slices: readonly Slice[], total: number): number | undefined {
    let left = total;
    for (const { at, count } of slices) {
      left -= count;
      if (left < this.#limit) return (at + this.#width) * SLICE;
    }
    return undefined;
  }
}
