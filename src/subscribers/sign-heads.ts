import { mkdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { openHeadsFile } from '../events/integrity/heads-file.ts';
import { type Head, readHead } from '../events/integrity/signed-head.ts';
import type { SigningKey } from '../events/integrity/signing-key.ts';
import { eventAt } from '../events/store/event-at.ts';
import { BEGINNING, type EventStore, type Position, type SubscriptionBatch } from '../events/store/event-store.ts';
import type { Logger } from '../platform/logging.ts';
import { DirectoryInUse, lockDirectory } from '../platform/postgres/directory-lock.ts';
import { Segment } from './head-segment.ts';

/** When a head is signed: after so many events, or so many milliseconds after the last one when anything came. */
export interface Rhythm {
  events: number;
  milliseconds: number;
  /** Milliseconds between two looks at what came, once all is read. */
  pace: number;
}

const usualRhythm: Rhythm = { events: 10_000, milliseconds: 3_600_000, pace: 1_000 };
/** While the log is being caught up with, the service has other things to do too. */
const PAUSE_BETWEEN_PAGES_MS = 5;
const SHORTEST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

export interface HeadSigningParts {
  store: EventStore;
  /** Outside the database; a line for each head. */
  file: string;
  key: SigningKey;
  log: Logger;
  rhythm?: Partial<Rhythm>;
}

export interface SigningStatus {
  /** The last head; null when there is none that this instance knows of. */
  last: Head | null;
  /** Why none is signed at present. */
  error: string | null;
}

export interface HeadSigning {
  status(): SigningStatus;
  /** Signs what has been read, and ends. */
  close(): Promise<void>;
}

/**
 * Follows the log, and signs what it was, in a file that whoever can change the database need not be able to change. Goes on from the
 * last line of the file, which it does not doubt: verifying is another's part. Of several processes with the same file one writes. What
 * fails is logged and tried again, and harms nobody else.
 */
export function startHeadSigning(parts: HeadSigningParts): HeadSigning {
  const stopping = new AbortController();
  const status: SigningStatus = { last: null, error: null };
  const running = keepSigning(parts, status, stopping.signal);
  return {
    status: () => ({ ...status }),
    async close() {
      stopping.abort();
      await running;
    },
  };
}

async function keepSigning(parts: HeadSigningParts, status: SigningStatus, stop: AbortSignal): Promise<void> {
  for (let wait = SHORTEST_RETRY_MS; !stop.aborted; wait = Math.min(wait * 2, LONGEST_RETRY_MS)) {
    try {
      await alone(`${parts.file}.lock`, () => signFrom(parts, status, stop));
    } catch (error) {
      if (stop.aborted && !status.error) parts.log.warn({ error }, 'the last head of the log could not be signed');
      else tell(parts.log, status, error);
    }
    await pause(wait, undefined, { signal: stop }).catch(() => {});
  }
}

/** @throws DirectoryInUse while another process has it */
async function alone(directory: string, work: () => Promise<void>): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = await lockDirectory(directory);
  await work().finally(() => lock.release());
}

function tell(log: Logger, status: SigningStatus, error: unknown): void {
  const message = error instanceof DirectoryInUse ? 'another process signs in this file' : String((error as Error).message ?? error);
  if (message === status.error) return;
  status.error = message;
  if (error instanceof DirectoryInUse) log.info({}, `heads of the log are not signed here: ${message}`);
  else log.error({ error }, `heads of the log are not signed: ${message}`);
}

async function signFrom({ store, file, key, log, rhythm }: HeadSigningParts, status: SigningStatus, stop: AbortSignal): Promise<void> {
  const heads = await openHeadsFile(file);
  try {
    const last = heads.last === undefined ? null : readHead(heads.last);
    if (last && last.key_id !== key.id) log.warn({}, 'heads of the log are signed by another key from now on: SIGNING_KEY has changed');
    const after = last ? await placeOf(last, store) : BEGINNING;
    Object.assign(status, { last, error: null });
    await follow(new Segment(heads, { logId: store.logId, key, last, onSigned: (head) => (status.last = head) }), {
      store,
      after,
      stop,
      ...usualRhythm,
      ...rhythm,
    });
  } finally {
    await heads.close();
  }
}

/** Where the event of the last head stands now: elsewhere, when the log has moved to another store. */
async function placeOf(last: Head, store: EventStore): Promise<Position> {
  const { stream, revision, event_id, log_id, events } = last;
  if (log_id !== store.logId) throw new Error(`the last line of the file is of another log (${log_id})`);
  const event = await eventAt(store, stream, revision);
  if (event?.id === event_id) return event.position;
  throw new Error(
    `event ${events} of the log, revision ${revision} of ${stream}, was signed at ${last.at} and is not there any more; run verify`,
  );
}

interface Following extends Rhythm {
  store: EventStore;
  after: Position;
  stop: AbortSignal;
}

async function follow(segment: Segment, { store, after, stop, events, milliseconds, pace }: Following): Promise<void> {
  const batches = store.subscribe({ after, signal: stop })[Symbol.asyncIterator]();
  let caughtUp = false;
  try {
    for (let next = batches.next(); ; ) {
      const due: number = caughtUp ? segment.dueIn(milliseconds) : Infinity;
      const result: IteratorResult<SubscriptionBatch> | undefined = await within(due, next);
      if (result === undefined) {
        await segment.sign();
        continue;
      }
      if (result.done) break;
      for (const event of result.value.events) {
        segment.add(event);
        if (segment.events >= events) await segment.sign();
      }
      caughtUp = result.value.caughtUp;
      await pause(caughtUp ? pace : PAUSE_BETWEEN_PAGES_MS, undefined, { signal: stop }).catch(() => {});
      next = batches.next();
    }
    if (segment.events > 0) await segment.sign();
  } finally {
    await batches.return?.();
  }
}

/** @returns undefined when it takes longer; what a timer cannot count is for ever */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  if (!Number.isFinite(milliseconds)) return promise;
  const waiting = new AbortController();
  const late = pause(milliseconds, undefined, { signal: waiting.signal }).catch(() => undefined);
  return Promise.race([promise, late]).finally(() => waiting.abort());
}
