import type { Position, StoredEvent } from '../store/event-store.ts';
import { beginningOfChain, followChain, type Link } from './chain.ts';
import { checkHeads } from './check-heads.ts';
import type { Head } from './signed-head.ts';

/** Where a log is not what was written. */
export interface LogFault {
  /** Where in the log it shows. */
  position: Position;
  /** For people. */
  what: string;
}

export interface LogVerification {
  /** The next event of the log. @returns what is wrong with it, or shows by it */
  add(event: StoredEvent): LogFault[];
  /** An event of another application in a stream of the log, to be said before those behind it are added. @returns what is wrong with that */
  addForeign(event: { stream: string; revision: number; type: string; position: Position }): LogFault;
  /** @returns what is missing behind the last event */
  finish(): LogFault[];
  /** The revision of a stream's last event so far; -1 where there was none. */
  revisionOf(stream: string): number;
  readonly events: number;
  readonly streams: number;
  /** Events that no head protects yet. */
  readonly unsigned: number;
}

export interface LogToVerify {
  heads: readonly Head[];
  /** What the first event is numbered with, in a store that numbers them without a gap. */
  firstPosition?: Position | undefined;
}

/** Verifies a log event by event, in global order. Keeps about 200 bytes for each stream. */
export function verifyLog({ heads, firstPosition }: LogToVerify): LogVerification {
  const chains = new Map<string, Link>();
  /** Revisions, by stream, at which events of another application stand. */
  const foreign = new Map<string, Set<number>>();
  const signed = checkHeads(heads);
  let events = 0;
  let last: Position | undefined;

  const gapBefore = ({ position }: StoredEvent): string | null => {
    const expected = last === undefined ? firstPosition : last + 1n;
    if (firstPosition === undefined || expected === undefined || position === expected) return null;
    return position > expected ? missing(expected, position - 1n) : `position ${position} is below the first of the log: inserted`;
  };

  return {
    add(event) {
      const { position, stream, revision, type } = event;
      const gap = gapBefore(event);
      const { link, fault } = followChain(behindOthers(chains.get(stream) ?? beginningOfChain, foreign.get(stream), revision), event);
      chains.set(stream, link);
      const segment = signed.add(event);
      events++;
      last = position;
      return [
        ...(gap === null ? [] : [{ position, what: gap }]),
        ...(fault === null ? [] : [{ position, what: `position ${position}: revision ${revision} of ${stream} (${type}): ${fault.what}` }]),
        ...(segment === null ? [] : [{ position, what: segment }]),
      ];
    },
    addForeign({ stream, revision, type, position }) {
      foreign.set(stream, (foreign.get(stream) ?? new Set()).add(revision));
      return {
        position,
        what: `position ${position}: revision ${revision} of ${stream} (${type}): was written by another application: inserted`,
      };
    },
    finish() {
      const fault = signed.finish();
      return fault === null ? [] : [{ position: last ?? 0n, what: fault }];
    },
    revisionOf: (stream) => chains.get(stream)?.revision ?? -1,
    get events() {
      return events;
    },
    get streams() {
      return chains.size;
    },
    get unsigned() {
      return signed.unsigned;
    },
  };
}

/** The chain as it goes on behind events of others: each is a fault of its own, and none of ours is missing. */
function behindOthers(link: Link, foreign: ReadonlySet<number> | undefined, revision: number): Link {
  if (foreign === undefined) return link;
  let last = link.revision;
  while (last + 1 < revision && foreign.has(last + 1)) last++;
  return { ...link, revision: last };
}

function missing(from: Position, to: Position): string {
  return from === to ? `position ${from}: there is no event: dropped` : `positions ${from} to ${to}: there are no events: dropped`;
}
