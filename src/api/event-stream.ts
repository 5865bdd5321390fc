import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from '../accounts/caller.ts';
import { Rejection } from '../rejection.ts';
import type { Answer, RequestContext } from './route.ts';

/** One event of a stream of server-sent events; its data is one line. */
export interface SentEvent {
  id?: string;
  event: string;
  data: string;
}

export interface StreamAsked {
  caller: Caller;
  request: RequestContext;
  /** The events, which end when the signal aborts at the latest. */
  events(signal: AbortSignal): AsyncIterable<SentEvent>;
  /** Throws when what is streamed is no longer for this caller to see. */
  requireVisible(caller: Caller): Promise<unknown>;
}

/** Answers with server-sent events. A stream ends within a second of what let it begin: session, token, access to what it tells. */
export interface EventStreams {
  answer(asked: StreamAsked): Answer;
}

export interface EventStreamParts {
  authenticate(authorization: string | undefined): Promise<Caller>;
  /** Tells whose account changed; null when it may have been anybody's. */
  onChange(listener: (userId: string | null) => void): void;
  isDraining(): boolean;
}

const MOST_EACH = 10;
// Milliseconds.
const CHECK_EVERY = 500;
const CHECK_WITHIN = 400;
const SILENCE = 15_000;

export const eventStreamType = 'text/event-stream';

export function createEventStreams({ authenticate, onChange, isDraining }: EventStreamParts): EventStreams {
  const checks = new Map<string, Set<() => void>>();
  onChange((userId) => {
    const concerned = userId === null ? [...checks.values()] : [checks.get(userId) ?? []];
    for (const own of concerned) for (const check of own) check();
  });

  const requireStill = async ({ request, requireVisible }: StreamAsked): Promise<void> => {
    if (isDraining()) throw new Rejection('SHUTTING_DOWN', 'The service is shutting down');
    await requireVisible(await authenticate(request.header('authorization')));
  };

  async function* chunks(asked: StreamAsked, cut: AbortController): AsyncGenerator<string> {
    const { caller, request } = asked;
    const own = checks.get(caller.id) ?? new Set();
    if (own.size >= MOST_EACH) throw new Rejection('LIMIT_REACHED', `At most ${MOST_EACH} streams at a time`, [{ limit: MOST_EACH }]);
    const over = new AbortController();
    // Whoever cannot be asked for cannot be let in either: the client comes again, and goes on where it was.
    const check = () => {
      void within(CHECK_WITHIN, requireStill(asked)).catch(end);
    };
    let isWaiting = false;
    // To a client that does not read, the end cannot be told.
    const end = () => (isWaiting ? cut.abort() : over.abort());
    checks.set(caller.id, own.add(check));
    const timer = setInterval(check, CHECK_EVERY);
    try {
      const signal = AbortSignal.any([request.signal, over.signal]);
      for await (const text of framed(asked.events(signal), signal)) {
        isWaiting = true;
        yield text;
        isWaiting = false;
      }
    } finally {
      clearInterval(timer);
      own.delete(check);
      if (own.size === 0 && checks.get(caller.id) === own) checks.delete(caller.id);
    }
  }

  return {
    answer(asked) {
      const cut = new AbortController();
      const stream = { contentType: eventStreamType, chunks: chunks(asked, cut), cut: cut.signal };
      return { status: 200, headers: { 'X-Accel-Buffering': 'no' }, stream };
    },
  };
}

async function* framed(events: AsyncIterable<SentEvent>, signal: AbortSignal): AsyncGenerator<string> {
  const source = events[Symbol.asyncIterator]();
  try {
    for (let next = source.next(); !signal.aborted; ) {
      const told = await unlessSilent(next, signal);
      if (signal.aborted || told?.done) return;
      if (told === undefined) yield ': ping\n\n';
      else {
        yield frame(told.value);
        next = source.next();
      }
    }
  } finally {
    await source.return?.();
  }
}

/** Undefined after a silence, and when the signal aborts. */
function unlessSilent<T>(next: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const forget = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    };
    const end = () => {
      forget();
      resolve(undefined);
    };
    const timer = setTimeout(end, SILENCE);
    signal.addEventListener('abort', end, { once: true });
    next.finally(forget).then(resolve, reject);
  });
}

function frame({ id, event, data }: SentEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}

function within(milliseconds: number, work: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No answer within ${milliseconds} ms`)), milliseconds);
    work.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}

/** Resolves after so many milliseconds, or sooner when the signal aborts. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<undefined> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}
