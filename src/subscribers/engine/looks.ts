import { Pause } from '../../platform/pause.ts';

/** What comes, and `undefined` in between: now and then, and when woken. */
export interface WithLooks<T> extends AsyncIterable<T | undefined> {
  wake(): void;
}

/**
 * Gives a reader who waits for what comes a turn for something else, so that one loop does both and nothing overlaps.
 * @param every milliseconds between two turns; one comes first
 */
export function withLooks<T>(source: AsyncIterable<T>, every: number): WithLooks<T> {
  const pause = new Pause();
  pause.wake();
  async function* merged() {
    const items = source[Symbol.asyncIterator]();
    const ask = () => {
      const asked = items.next().then((result) => ({ result }));
      // Whoever waits for it next hears of a failure.
      asked.catch(() => {});
      return asked;
    };
    const look = () => pause.sleep(every).then(() => undefined);
    let next = ask();
    let due = look();
    try {
      for (;;) {
        const first = await Promise.race([due, next]);
        if (first === undefined) {
          yield undefined;
          due = look();
        } else if (first.result.done) return;
        else {
          yield first.result.value;
          next = ask();
        }
      }
    } finally {
      pause.wake();
      await items.return?.();
    }
  }
  return { wake: () => pause.wake(), [Symbol.asyncIterator]: merged };
}
