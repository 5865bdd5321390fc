import { FairQueue } from '../platform/fair-queue.ts';

/** Lets so many pieces of work be under way at once; the others wait, and have their turns between those for whom they are done. */
export function createTurns(atOnce: number): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const waiting = new FairQueue<() => void>();
  let free = atOnce;
  return async (key, work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => void waiting.add(key, resolve));
    try {
      return await work();
    } finally {
      const next = waiting.take();
      if (next) next();
      else free++;
    }
  };
}
