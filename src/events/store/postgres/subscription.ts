import { setTimeout as sleep } from 'node:timers/promises';
import { type Position, StoreUnavailable, type SubscriptionBatch } from '../event-store.ts';
import type { Page } from './read-log.ts';

export interface SubscriptionSource {
  /** @throws StoreUnavailable */
  readPage(after: Position, limit: number, bytes: number): Promise<Page>;
  /** Grows when there may be something new. */
  readonly wakeUps: { readonly count: number; next(counted: number, signal: AbortSignal): Promise<void> };
  log: (line: string) => void;
}

const PAGE_EVENTS = 1_000;
const PAGE_BYTES = 2 ** 22;
const LONGEST_DELAY = 2_000;

/**
 * Every event after a position. While there is more in the log than fits one page, the next page is read while the consumer handles the
 * present one; at the end of the log reading waits for the consumer, who then gets all that has come meanwhile at once.
 */
export async function* subscribe(source: SubscriptionSource, after: Position, signal: AbortSignal): AsyncGenerator<SubscriptionBatch> {
  const { wakeUps } = source;
  const read = pageReader(source, signal);
  let position = after;
  let caughtUp = false;
  let ahead: Promise<Page | undefined> | undefined;
  while (!signal.aborted) {
    const counted = wakeUps.count;
    const page = await unlessAborted(ahead ?? read(position), signal);
    ahead = undefined;
    if (!page) return;
    position = page.events.at(-1)?.position ?? position;
    if (!page.last) ahead = read(position);
    // It is awaited above, unless the consumer leaves before.
    ahead?.catch(() => {});
    if (page.events.length > 0 || !caughtUp) yield { events: [...page.events], position, caughtUp: page.last };
    caughtUp = page.last;
    if (page.last) await wakeUps.next(counted, signal);
  }
}

/** Subscribers that are woken together ask for the same page at the same moment: it is read once for all of them. */
export function sharedWhileUnderWay(readPage: SubscriptionSource['readPage']): SubscriptionSource['readPage'] {
  const underWay = new Map<string, Promise<Page>>();
  return (after, limit, bytes) => {
    const key = `${after} ${limit} ${bytes}`;
    const reading = underWay.get(key) ?? readPage(after, limit, bytes).finally(() => underWay.delete(key));
    underWay.set(key, reading);
    return reading;
  };
}

/** Reads page after page; undefined when the signal came first. What another try may heal is tried for ever, and told once. */
function pageReader({ readPage, log }: SubscriptionSource, signal: AbortSignal) {
  let limit = PAGE_EVENTS;
  return async (after: Position): Promise<Page | undefined> => {
    for (let delay = 50; !signal.aborted; delay = Math.min(delay * 2, LONGEST_DELAY)) {
      try {
        const page = await readPage(after, limit, PAGE_BYTES);
        // Where events are large, less is asked for, so that little of what comes has to be dropped.
        limit = Math.max(1, page.last || page.events.length === limit ? Math.min(limit * 2, PAGE_EVENTS) : page.events.length);
        if (delay > 50) log(`event log: the subscription goes on after position ${after}`);
        return page;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        if (delay === 50) log(`event log: the subscription waits after position ${after}: ${error.message}`);
      }
      await sleep(delay * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
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
