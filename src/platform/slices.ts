import { setImmediate as nextTurn } from 'node:timers/promises';

/** Long work in pieces: between two of them everything else that waits has its turn. */
export async function* slices<T>(items: readonly T[], size: number): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) {
    if (at > 0) await nextTurn();
    yield items.slice(at, at + size);
  }
}
