import { createLogDigest } from '../../events/integrity/log-digest.ts';
import type { StoredEvent } from '../../events/store/event-store.ts';
import { EventCursor } from './event-cursor.ts';
import type { ReadableLog, WritableLog } from './log.ts';

/** The target holds something else than a first part of the source. Nothing was written to it. */
export class OtherLog extends Error {
  override name = 'OtherLog';
}

/** What was copied is not what is there now. */
export class NotEqual extends Error {
  override name = 'NotEqual';
}

export interface CopyOptions {
  signal: AbortSignal;
  /** Told again and again how many events have been dealt with, and how much of the source that is, from 0 to 1. */
  onProgress(phase: 'comparing' | 'copying' | 'verifying', events: number, done: number): void;
  /** Told of each event, in order, where it stands in the source and where in the target. */
  onVerified(source: StoredEvent, target: StoredEvent): Promise<void> | void;
}

export interface Copied {
  /** In both logs, when all was done. */
  events: number;
  /** Of them, those that were in the target already. */
  found: number;
  /** The digest of both. */
  sha256: string;
}

/**
 * Brings every event of the source into the target, with its revision, id and bytes, in the same global order; then reads both again and
 * compares them byte for byte. The target has the source's identity, and no events yet or a first part of the source's, as a copy that was
 * cut off has left it.
 * @throws OtherLog, NotEqual
 */
export async function copyLog(source: ReadableLog, target: WritableLog, options: CopyOptions): Promise<Copied> {
  const found = await copyMissing(source, target, options);
  return { found, ...(await verify(source, target, options)) };
}

async function copyMissing(source: ReadableLog, target: WritableLog, { signal, onProgress }: CopyOptions): Promise<number> {
  if (target.logId !== source.logId)
    throw new OtherLog(`${target.name} holds another log (${target.logId}) than ${source.name} (${source.logId})`);
  const head = await source.head();
  const events = new EventCursor(source.pages());
  const there = new EventCursor(target.pages());
  try {
    let found = 0;
    for (let other = await there.next(); other; other = await there.next()) {
      signal.throwIfAborted();
      const event = await events.next();
      if (!event || !isSame(event, other))
        throw new OtherLog(`${target.name} holds ${describe(other)} where ${source.name} has ${event ? describe(event) : 'no more'}`);
      if (++found % 1_000 === 0) onProgress('comparing', found, share(event.position, head));
    }
    let copied = found;
    for (let page = await events.nextPage(); page; page = await events.nextPage()) {
      signal.throwIfAborted();
      await target.write(page);
      copied += page.length;
      onProgress('copying', copied, share(page.at(-1)!.position, head));
    }
    return found;
  } finally {
    await events.close();
    await there.close();
  }
}

async function verify(source: ReadableLog, target: WritableLog, options: CopyOptions): Promise<{ events: number; sha256: string }> {
  const { signal, onProgress, onVerified } = options;
  const head = await source.head();
  const digest = createLogDigest();
  const ours = new EventCursor(source.pages());
  const theirs = new EventCursor(target.pages());
  try {
    for (;;) {
      const [event, copy] = [await ours.next(), await theirs.next()];
      if (!event && !copy) break;
      if (!event || !copy || !isSame(event, copy))
        throw new NotEqual(
          `${source.name} has ${event ? describe(event) : 'no more'} where ${target.name} has ${copy ? describe(copy) : 'no more'}`,
        );
      digest.add(copy);
      await onVerified(event, copy);
      if (digest.events % 1_000 !== 0) continue;
      signal.throwIfAborted();
      onProgress('verifying', digest.events, share(event.position, head));
    }
    onProgress('verifying', digest.events, 1);
    return { events: digest.events, sha256: digest.finish() };
  } finally {
    await ours.close();
    await theirs.close();
  }
}

function isSame(one: StoredEvent, other: StoredEvent): boolean {
  return (
    one.stream === other.stream &&
    one.revision === other.revision &&
    one.id === other.id &&
    one.type === other.type &&
    one.metadata.equals(other.metadata) &&
    one.data.equals(other.data)
  );
}

function describe({ stream, revision, id, type }: StoredEvent): string {
  return `${type} ${id} at revision ${revision} of ${stream}`;
}

function share(position: bigint, head: bigint): number {
  return head === 0n ? 1 : Math.min(1, Number((position * 10_000n) / head) / 10_000);
}
