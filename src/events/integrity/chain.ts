import { expectedHash } from '../codec.ts';
import { BEGINNING, type Position, type StoredEvent } from '../store/event-store.ts';

/** How far the chain of a stream has been followed: its last event so far. */
export interface Link {
  /** -1 before the first event. */
  revision: number;
  /** What that event carries. */
  hash: string;
  position: Position;
}

export const beginningOfChain: Link = { revision: -1, hash: '', position: BEGINNING };

/** Where a stream is not what was written. */
export interface ChainFault {
  /** Of the first event that is missing, or else of the one that should not be there, or not so. */
  revision: number;
  /** For people, behind the name of the event. */
  what: string;
}

export interface Followed {
  link: Link;
  /** The hash of the event, computed anew. */
  hash: string;
  fault: ChainFault | null;
}

/**
 * Holds the next event of a stream against those before it, from its stored bytes. The chain is followed on beyond a fault, by what the
 * events carry, so that one change is one fault.
 */
export function followChain(link: Link, event: StoredEvent): Followed {
  const { revision, position } = event;
  const { expected, carried } = expectedHash(event, link.hash);
  const missing = revision - link.revision - 1;
  const next = { revision, hash: carried ?? expected, position };
  if (missing > 0) return { link: next, hash: expected, fault: { revision: link.revision + 1, what: missingBefore(link, missing) } };
  if (missing < 0 || position <= link.position) {
    const fault = { revision, what: `does not belong behind revision ${link.revision}: reordered or inserted` };
    return { link: missing < 0 ? link : next, hash: expected, fault };
  }
  return { link: next, hash: expected, fault: wrongHash(link, revision, carried, expected) };
}

function missingBefore({ revision }: Link, count: number): string {
  const missing = count === 1 ? `revision ${revision + 1} is missing` : `revisions ${revision + 1} to ${revision + count} are missing`;
  return `${missing} before it: dropped or reordered`;
}

function wrongHash(link: Link, revision: number, carried: string | null, expected: string): ChainFault | null {
  if (carried === null) return { revision, what: 'carries no hash: changed or inserted' };
  if (carried !== expected) {
    const after = link.revision < 0 ? 'as the first of its stream' : `behind revision ${link.revision}`;
    return { revision, what: `is not what was written ${after}: changed or inserted` };
  }
  return null;
}
