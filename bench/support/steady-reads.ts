import { setTimeout as pause } from 'node:timers/promises';
import { medianOf } from './pairs.ts';

export interface ReadTimes {
  count: number;
  failed: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** Somebody who reads the same page again and again, so many times a second, until told to stop. */
export function startReading(url: string, token: string, perSecond: number): { stop(): Promise<ReadTimes> } {
  const stopping = new AbortController();
  const times: number[] = [];
  let failed = 0;
  const read = async () => {
    const since = performance.now();
    const ok = await fetch(url, { headers: { authorization: `Bearer ${token}` } }).then(
      async (response) => {
        await response.text();
        return response.ok;
      },
      () => false,
    );
    if (ok) times.push(performance.now() - since);
    else failed++;
    return performance.now() - since;
  };
  const reading = (async () => {
    while (!stopping.signal.aborted) {
      const took = await read();
      await pause(Math.max(0, 1000 / perSecond - took), undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await reading;
      const sorted = times.toSorted((a, b) => a - b);
      return { count: times.length, failed, p50: medianOf(times), p99: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN };
    },
  };
}
