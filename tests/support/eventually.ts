import { setTimeout as pause } from 'node:timers/promises';

const TIMEOUT_MS = 15_000;

/** Reads until what was read is as it should be. @throws with what was read last, when that does not happen in time */
export async function eventually<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (const end = performance.now() + TIMEOUT_MS; ; await pause(20)) {
    const value = await read();
    if (holds(value)) return value;
    if (performance.now() > end) throw new Error(`never came: ${JSON.stringify(value)}`);
  }
}
