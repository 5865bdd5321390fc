import { LRUCache } from 'lru-cache';
import type { Position } from '../event-store.ts';
import type { Page } from './read-log.ts';

const MAX_BYTES = 2 ** 23;
const MAX_AGE_MS = 10_000;

/**
 * Pages of the log, read once for all subscribers that are as far: those that ask for a page while it is being read share it, and a page
 * that was full is kept a little while for those behind. What follows a page at the end of the log is not known.
 */
export class SharedPages {
  readonly #read: (after: Position) => Promise<Page>;
  readonly #underWay = new Map<Position, Promise<Page>>();
  readonly #full = new LRUCache<Position, Page>({
    maxSize: MAX_BYTES,
    sizeCalculation: sizeOf,
    ttl: MAX_AGE_MS,
    ttlAutopurge: true,
  });

  constructor(read: (after: Position) => Promise<Page>) {
    this.#read = read;
  }

  /** @throws what reading throws */
  after(position: Position): Promise<Page> {
    const full = this.#full.get(position);
    if (full) return Promise.resolve(full);
    const underWay = this.#underWay.get(position);
    if (underWay) return underWay;
    const reading = this.#read(position);
    this.#underWay.set(position, reading);
    const isCurrent = () => this.#underWay.get(position) === reading;
    reading
      .then(
        (page) => isCurrent() && !page.last && this.#full.set(position, page),
        () => {},
      )
      .finally(() => isCurrent() && this.#underWay.delete(position));
    return reading;
  }

  /** What was read is not to be handed over any more. */
  forget(): void {
    this.#underWay.clear();
    this.#full.clear();
  }
}

function sizeOf({ events }: Page): number {
  return events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 1);
}
