import { BEGINNING, type Position } from '../events/store/event-store.ts';
import type { FeedReader } from '../queries/feed/read-feed.ts';
import type { Queries } from '../queries/queries.ts';

/** Wakes those who wait for news of the feed when there are some for them. */
export interface FeedWatch {
  watch(reader: FeedReader): Watch;
  close(): void;
}

export interface Watch {
  /** To be called before the feed is read: what was in it by then is no news. */
  looking(): void;
  /** Resolves when there may be something new since then; after so many milliseconds, or when the signal aborts, with false. */
  news(milliseconds: number, signal: AbortSignal): Promise<boolean>;
  /** Up to here, nothing came since then that is for this reader. */
  readonly passed: Position;
  end(): void;
}

export interface FeedWatchParts {
  queries: Pick<Queries, 'feedNews'>;
  /** Calls back whenever this instance hears that the feed's read model has moved. */
  onMove(listener: () => void): void;
  onFailure(error: unknown): void;
}

// Milliseconds.
/** What another instance has written is heard of within so much. */
const LOOK_EVERY = 200;
/** Many small writes are one piece of news. */
const REST = 20;

/**
 * One question for all that wait, whatever their number: for whom is there something new? Who is concerned then reads their own feed.
 * Whoever came after the question was asked reads what it was about by themselves, so nothing falls between.
 */
export function createFeedWatch({ queries, onMove, onFailure }: FeedWatchParts): FeedWatch {
  const watches = new Set<OneWatch>();
  let seen: Position = BEGINNING;
  let looking = false;
  let closed = false;
  let moves = 0;
  let wake = () => {};
  onMove(() => {
    moves++;
    wake();
  });

  async function look(): Promise<void> {
    const asked = [...watches];
    const { reached, concerned, onTasks } = await queries.feedNews({
      after: seen,
      people: [...new Set(asked.map(({ reader }) => reader.id))],
    });
    if (reached === seen) return;
    seen = reached;
    const people = concerned && new Set(concerned);
    for (const one of asked) {
      if (people === null || people.has(one.reader.id) || (onTasks && one.reader.isAdmin)) one.tell();
      else one.pass(reached);
    }
  }

  async function keepLooking(): Promise<void> {
    looking = true;
    for (let failing = false; watches.size > 0 && !closed; ) {
      const before = moves;
      try {
        await look();
        failing = false;
      } catch (error) {
        if (!failing) onFailure(error);
        failing = true;
      }
      await rest(REST);
      if (moves > before && !failing) continue;
      await rest(LOOK_EVERY, (stop) => {
        wake = stop;
      });
    }
    looking = false;
  }

  return {
    watch(reader) {
      const one = new OneWatch(reader, () => watches.delete(one));
      watches.add(one);
      if (!looking) void keepLooking();
      return one;
    },
    close() {
      closed = true;
      wake();
    },
  };
}

class OneWatch implements Watch {
  readonly reader: FeedReader;
  readonly end: () => void;
  passed: Position = BEGINNING;
  #isNews = false;
  #wake = () => {};

  constructor(reader: FeedReader, end: () => void) {
    this.reader = reader;
    this.end = end;
  }

  tell(): void {
    this.#isNews = true;
    this.#wake();
  }

  pass(reached: Position): void {
    if (!this.#isNews) this.passed = reached;
  }

  looking(): void {
    this.#isNews = false;
    this.passed = BEGINNING;
  }

  async news(milliseconds: number, signal: AbortSignal): Promise<boolean> {
    if (this.#isNews || signal.aborted) return this.#isNews;
    await rest(milliseconds, (stop) => {
      this.#wake = stop;
      signal.addEventListener('abort', stop, { once: true });
    });
    signal.removeEventListener('abort', this.#wake);
    this.#wake = () => {};
    return this.#isNews;
  }
}

/** @param cut is given what ends it sooner */
function rest(milliseconds: number, cut: (stop: () => void) => void = () => {}): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    cut(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
