import type { Caller } from '../accounts/caller.ts';
import type { Position } from '../events/store/event-store.ts';
import type { EventTypeName } from '../events/upcasters.ts';
import type { Requester } from '../platform/postgres/fair-reads.ts';
import type { EventFeed, FeedPage } from '../subscribers/event-feed.ts';
import type { FeedWatch } from '../subscribers/feed-watch.ts';
import type { SentEvent } from './event-stream.ts';
import type { RequestContext } from './route.ts';

export interface FeedServices {
  feed: EventFeed;
  watch: FeedWatch;
  /** @throws Rejection when the caller is not to be let in any more */
  authenticate(authorization: string | undefined): Promise<Caller>;
  isDraining(): boolean;
}

export interface FeedAsked {
  reader: Caller;
  after: Position;
  types: readonly EventTypeName[] | undefined;
  limit: number;
}

// Milliseconds.
const LOOK_UP = 500;
const SOON = 100;
/** Who may see what is asked again by then: a page is told by and by to a client that reads slowly. */
const HOLDS_FOR = 250;
const LONG = 60_000;
/** Events read at a time for a stream. */
const PAGE = 100;

/** The next events; where there are none yet, those that come within so many seconds. */
export async function pageWithin(services: FeedServices, asked: FeedAsked, seconds: number, request: RequestContext): Promise<FeedPage> {
  const { feed, watch, authenticate, isDraining } = services;
  if (seconds === 0) return feed.page(asked, request);
  const own = watch.watch(asked.reader);
  const until = performance.now() + seconds * 1000;
  const left = () => until - performance.now();
  const isOver = () => left() <= 0 || isDraining() || request.signal.aborted;
  try {
    for (let next = asked; ; ) {
      own.looking();
      const page = await feed.page(next, request);
      if (page.events.length > 0 || isOver()) return page;
      while (!(await own.news(Math.min(left(), LOOK_UP), request.signal)) && !isOver());
      // Much may have changed in the meantime.
      const reader = await authenticate(request.header('authorization'));
      next = { ...asked, reader, after: farthest(page.next, own.passed) };
    }
  } finally {
    own.end();
  }
}

/** All events from a position on, as they come, with one word in between: that all there was at the start, up to `head`, is told. */
export async function* followed(
  { feed, watch }: Pick<FeedServices, 'feed' | 'watch'>,
  { after, ...asked }: Omit<FeedAsked, 'limit'>,
  head: Position,
  requester: Requester,
): AsyncGenerator<SentEvent> {
  const { signal } = requester;
  const own = watch.watch(asked.reader);
  let position = after;
  let isCaughtUp = false;
  try {
    while (!signal.aborted) {
      own.looking();
      const { events, next, more } = await feed.page({ ...asked, after: position, limit: PAGE }, requester);
      const holdsUntil = performance.now() + HOLDS_FOR;
      let told = 0;
      for (const event of events) {
        if (signal.aborted) return;
        if (performance.now() > holdsUntil && told > 0) break;
        yield { id: event.position, event: event.type, data: JSON.stringify(event) };
        position = BigInt(event.position);
        told++;
      }
      if (told < events.length) continue;
      position = next;
      if (more) continue;
      if (!isCaughtUp && position >= head) {
        isCaughtUp = true;
        yield { id: position.toString(), event: 'caught_up', data: JSON.stringify({ next: position.toString() }) };
      }
      while (!(await own.news(isCaughtUp ? LONG : SOON, signal)) && isCaughtUp && !signal.aborted);
      // What came and was not for this reader then is not told when access to it is given later.
      position = farthest(position, own.passed);
    }
  } finally {
    own.end();
  }
}

function farthest(one: Position, other: Position): Position {
  return one > other ? one : other;
}
