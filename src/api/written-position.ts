import { setTimeout as delay } from 'node:timers/promises';
import type { EventStore, Position } from '../events/store/event-store.ts';
import { Rejection } from '../rejection.ts';

const TIMEOUT_MS = 2_000;
const POLL_INTERVAL_MS = 200;

/**
 * Waits for a position that the log may not have yet: a client may be ahead of this instance's view by a moment. A client that is ahead
 * for longer knows a log that this one is not, and would miss every event up to its position without noticing.
 * @param path of the member of the request that holds the position
 * @returns where the log ends @throws Rejection VALIDATION_FAILED when the log does not reach the position in two seconds
 */
export async function requireWritten(
  store: Pick<EventStore, 'head' | 'end'>,
  position: Position,
  path: string,
  signal: AbortSignal,
): Promise<Position> {
  for (const deadline = performance.now() + TIMEOUT_MS; ; ) {
    const head = await store.head();
    // Behind our last event, a position among the events of another application is one of the log too: the feed hands them out.
    if (position <= head || position <= (await store.end())) return head;
    if (performance.now() >= deadline || signal.aborted) {
      const message = `must not be beyond the end of the log, which is at ${head}; read again from a position that the log has`;
      throw new Rejection('VALIDATION_FAILED', 'The request is not valid', [{ path, message, code: 'too_big' }]);
    }
    await delay(POLL_INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
}
