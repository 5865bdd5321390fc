/** There is no place free. */
export class NoPlaceFree extends Error {
  override name = 'NoPlaceFree';
  /** Whether there was room in the queue, and none became free in time. */
  readonly hasWaited: boolean;
  constructor(hasWaited: boolean) {
    super(hasWaited ? 'no place became free in time' : 'all places and the queue for them are taken');
    this.hasWaited = hasWaited;
  }
}

/** Whoever waited for a place, or had it, no longer needs what it was for. */
export class RequestAborted extends Error {
  override name = 'RequestAborted';
}

/** Each key has so many places, and a queue for more of them. */
export interface Places {
  /** Resolves with a function that gives the place back. @throws NoPlaceFree, RequestAborted */
  take(key: string, signal: AbortSignal): Promise<() => void>;
}

export interface PlaceLimits {
  /** How many have a place at a time, and how many more may wait for one: of each key. */
  maxRunning: number;
  maxWaiting: number;
  /** Milliseconds. */
  waitTimeoutMs: number;
}

export function createPlaces({ maxRunning, maxWaiting, waitTimeoutMs }: PlaceLimits): Places {
  const taken = new Map<string, { running: number; waiting: Set<() => void> }>();

  const giveBack = (key: string) => {
    const own = taken.get(key)!;
    const [next] = own.waiting;
    if (next) return next();
    own.running--;
    if (own.running === 0) taken.delete(key);
  };

  const placeOf = (key: string) => {
    let isHeld = true;
    return () => {
      if (isHeld) giveBack(key);
      isHeld = false;
    };
  };

  return {
    async take(key, signal) {
      if (signal.aborted) throw new RequestAborted('The request was aborted');
      const own = taken.get(key) ?? { running: 0, waiting: new Set() };
      taken.set(key, own);
      if (own.running < maxRunning) {
        own.running++;
        return placeOf(key);
      }
      if (own.waiting.size >= maxWaiting) throw new NoPlaceFree(false);
      await new Promise<void>((resolve, reject) => {
        const leave = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
          own.waiting.delete(enter);
        };
        const enter = () => {
          leave();
          resolve();
        };
        const abort = () => {
          leave();
          reject(new RequestAborted('The request was aborted while it waited'));
        };
        const timer = setTimeout(() => {
          leave();
          reject(new NoPlaceFree(true));
        }, waitTimeoutMs);
        signal.addEventListener('abort', abort, { once: true });
        own.waiting.add(enter);
      });
      return placeOf(key);
    },
  };
}
