import type { Position, StoredEvent } from '../../events/store/event-store.ts';
import type { ReadableLog } from './log.ts';

/** The events up to a position, whatever is written meanwhile. */
export async function* eventsUpTo(log: ReadableLog, head: Position, signal: AbortSignal): AsyncGenerator<readonly StoredEvent[]> {
  for await (const page of log.pages()) {
    signal.throwIfAborted();
    const events = page.filter(({ position }) => position <= head);
    if (events.length > 0) yield events;
    if (events.length < page.length) return;
  }
}
