import { setTimeout as sleep } from 'node:timers/promises';
import { type Position, StoreUnavailable, type SubscriptionBatch, UnknownPosition } from '../event-store.ts';
import type { Connection } from './connection.ts';
import type { LiveTail } from './live-tail.ts';
import type { Page } from './read-log.ts';
import type { SharedPages } from './shared-pages.ts';

export interface SubscriptionSource {
  connection: Connection;
  pages: Pick<SharedPages, 'after'>;
  tail: LiveTail;
}

const LONGEST_PAUSE = 1_000;
/**
 * A subscriber is handed a position behind the events of others once they take so many bytes of the log, so that they are not searched
 * again after a restart: a checkpoint for each of them would be written for nothing. Positions of EventStoreDB are counted in bytes.
 */
const FOREIGN_BYTES = 65_536n;

/**
 * Every event after a position, then those to come: page by page, the next one being read while the consumer handles the last, and from
 * the live tail once that reaches back to where this is.
 */
export async function* subscribe(source: SubscriptionSource, after: Position, signal: AbortSignal): AsyncGenerator<SubscriptionBatch> {
  const { tail } = source;
  const read = pageReader(source, signal);
  let position = after;
  let cursor = after;
  let caughtUp = false;
  let ahead: Promise<Page | undefined> | undefined;
  while (!signal.aborted) {
    const counted = tail.count;
    const recent = caughtUp ? tail.after(cursor) : undefined;
    if (recent) {
      const last = recent.at(-1);
      if (!last) {
        await tail.next(counted, signal);
        continue;
      }
      cursor = position = last.position;
      yield { events: recent, position, caughtUp };
      continue;
    }
    const page = await unlessAborted(ahead ?? read(cursor), signal);
    ahead = undefined;
    if (!page) return;
    const { events, end, last } = page;
    cursor = end;
    if (!last) ahead = read(cursor);
    // It is awaited above, unless the consumer leaves before.
    ahead?.catch(() => {});
    const news = last && !caughtUp;
    caughtUp = last;
    position = events.at(-1)?.position ?? position;
    const hasPassed = cursor - position >= FOREIGN_BYTES;
    if (hasPassed) position = cursor;
    // A page may be another subscriber's too.
    if (events.length > 0 || hasPassed || news) yield { events: [...events], position, caughtUp };
    if (last) await tail.next(counted, signal);
  }
}

/** Reads page after page; undefined when the signal came first. What another try may heal is tried for ever. */
function pageReader({ connection, pages }: SubscriptionSource, signal: AbortSignal) {
  let begun = false;
  return async (after: Position): Promise<Page | undefined> => {
    for (let pause = 50; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        const page = await pages.after(after);
        begun ||= page.end > after;
        return page;
      } catch (error) {
        // Once something was read, the position is one of the log's own.
        const passing = error instanceof StoreUnavailable || (begun && error instanceof UnknownPosition);
        if (!passing) throw error;
      }
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
      await connection.backWithin(LONGEST_PAUSE, signal);
    }
    return undefined;
  };
}

/** What a promise answers, or undefined as soon as the signal is aborted. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = () => resolve(undefined);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
