import type { KeyObject } from 'node:crypto';
import { BadHead, type Head, readSigned } from './signed-head.ts';

export interface HeadsRead {
  /** As far as they follow each other, and are of this log. */
  heads: Head[];
  /** The first line that is wrong, and why; those behind it are not to be relied on. */
  fault: string | null;
}

/** Reads lines of signed heads and checks that each follows the one before, so that none was edited, added or taken out of their midst. */
export function readHeads(lines: readonly string[], logId: string, keys: ReadonlyMap<string, KeyObject>): HeadsRead {
  const heads: Head[] = [];
  for (const [index, line] of lines.entries()) {
    const fault = nextHead(heads, line, logId, keys);
    if (fault !== null) return { heads, fault: `line ${index + 1} ${fault}` };
  }
  return { heads, fault: null };
}

function nextHead(heads: Head[], line: string, logId: string, keys: ReadonlyMap<string, KeyObject>): string | null {
  try {
    const head = readSigned(line, keys);
    const before = heads.at(-1);
    if (head.log_id !== logId) return `is of another log (${head.log_id})`;
    if (head.previous !== (before?.hash ?? null)) return 'does not follow the line before it: a line was taken out or added';
    if (head.events <= (before?.events ?? 0)) return 'tells of no more events than the line before it';
    heads.push(head);
    return null;
  } catch (error) {
    if (!(error instanceof BadHead)) throw error;
    return error.message;
  }
}
