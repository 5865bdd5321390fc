import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../platform/logging.ts';
import { eventAt } from './event-at.ts';
import { type EventStore, type LogView, StoreRefused, StoreUnavailable } from './event-store.ts';
import type { LastEvent } from './last-event.ts';

const CHECK_INTERVAL_MS = 60_000;
const RECHECK_INTERVAL_MS = 1_000;

/** The log in the store is not the one that what is remembered of it belongs to. Nothing is read or written until it is again. */
export class LogReplaced extends Error {
  override name = 'LogReplaced';
}

export interface LogGuardOptions {
  store: EventStore;
  /** Why the stored checkpoints are not of the log as it is now; null when they are. Throws when that cannot be found out. */
  findMismatch(log: LogView): Promise<string | null>;
  /** What this process remembers of the log does not hold any more. */
  onReplaced(): void;
  log: Logger;
  intervalMs?: number;
}

/** Keeps a log that was replaced under the running service from being taken for the one before. */
export interface LogGuard {
  /** The same store; everything throws StoreUnavailable while the log is not the right one. */
  store: EventStore;
  /** Why the log is not the right one; null while it is. */
  problem(): string | null;
  /** Looks at once. @returns the problem @throws StoreUnavailable, and what the database throws, when it cannot be found out */
  check(log?: LogView): Promise<string | null>;
  close(): Promise<void>;
}

/** Whether an event may be there still: a stream that an operator deleted shows none, and says nothing of the log. */
async function isThere({ stream, revision, id, position }: LastEvent, view: LogView): Promise<boolean> {
  if (BigInt(position) > (await view.end())) return false;
  const found = await eventAt(view, stream, revision);
  return found === undefined || found.id === id;
}

/** Checks the log once a minute, each second while it is not the right one, and before anything else is done after an outage. */
export function guardLog({ store, findMismatch, onReplaced, log, intervalMs = CHECK_INTERVAL_MS }: LogGuardOptions): LogGuard {
  const closing = new AbortController();
  let problem: string | null = null;
  let isSuspect = false;
  let checking: Promise<string | null> | undefined;
  /** Ends what follows the log, when it is found to be another one. */
  let following = new AbortController();
  /** The last event that this process has written or was given: it must still be there. */
  let last: LastEvent | undefined;

  const forget = () => {
    last = undefined;
    following.abort();
    following = new AbortController();
    onReplaced();
  };

  const judge = async (view: LogView): Promise<string | null> => {
    const mark = last;
    const found = await findMismatch(view);
    if (found !== null && problem === null) {
      log.error({}, `the log was replaced, and nothing is read from it or written to it: ${found}`);
      problem = found;
      forget();
    } else if (found === null) {
      const isKept = mark === undefined || (await isThere(mark, view));
      if (problem !== null) log.info({}, 'the log is the right one again, and the service goes on');
      else if (!isKept)
        log.warn({}, 'the log and the read models were restored to an earlier state together, and the service goes on from there');
      if (problem !== null || !isKept) forget();
      problem = null;
    } else problem = found;
    isSuspect = false;
    return problem;
  };
  const check = (view: LogView = store) => {
    checking ??= judge(view).finally(() => {
      checking = undefined;
    });
    return checking;
  };

  /** @throws StoreUnavailable */
  const pass = async () => {
    if (isSuspect) {
      await check().catch((error: unknown) => {
        throw new StoreUnavailable('not_written', error);
      });
    }
    if (problem !== null) throw new StoreUnavailable('not_written', new LogReplaced(problem));
  };
  const guarded =
    <Arguments extends unknown[], Result>(call: (...given: Arguments) => Promise<Result>) =>
    async (...given: Arguments): Promise<Result> => {
      if (isSuspect || problem !== null) await pass();
      try {
        return await call(...given);
      } catch (error) {
        // A store that refuses answers: it was not away meanwhile.
        if (error instanceof StoreUnavailable && !(error instanceof StoreRefused)) isSuspect = true;
        throw error;
      }
    };

  const keepChecking = async () => {
    while (!closing.signal.aborted) {
      const interval = problem !== null || isSuspect ? Math.min(RECHECK_INTERVAL_MS, intervalMs) : intervalMs;
      await delay(interval, undefined, { signal: closing.signal, ref: false }).catch(() => {});
      if (!closing.signal.aborted) await check().catch(() => {});
    }
  };
  const kept = keepChecking();

  return {
    problem: () => problem,
    check,
    store: {
      ...store,
      append: guarded(async (append) => {
        const appended = await store.append(append);
        const { stream, events } = append;
        if (events.length > 0)
          last = { stream, revision: appended.revision, id: events.at(-1)!.id, position: appended.position.toString() };
        return appended;
      }),
      readStream: guarded(store.readStream),
      readEvents: guarded(store.readEvents),
      readAll: guarded(store.readAll),
      head: guarded(store.head),
      end: guarded(store.end),
      incidents: guarded(store.incidents),
      async *subscribe({ after, signal }) {
        while (!signal.aborted && (problem !== null || isSuspect)) {
          const isPassed = await pass().then(
            () => true,
            () => false,
          );
          if (!isPassed) await delay(RECHECK_INTERVAL_MS / 4, undefined, { signal }).catch(() => {});
        }
        const replaced = following.signal;
        yield* store.subscribe({ after, signal: AbortSignal.any([signal, replaced]) });
        if (replaced.aborted && !signal.aborted) throw new StoreUnavailable('not_written', new LogReplaced('the log was replaced'));
      },
    },
    async close() {
      closing.abort();
      await kept;
      await checking?.catch(() => {});
    },
  };
}
