import { publicTypes } from '../events/public-type.ts';
import type { EventTypeName } from '../events/upcasters.ts';

/** A type as filters name it: without `tasktrail.` and the version. */
const shortNames = new Map(
  (Object.entries(publicTypes) as [EventTypeName, string][]).map(([name, type]) => [name, type.replace(/^tasktrail\.|\.v\d+$/g, '')]),
);

const patterns = new Set(['*']);
for (const short of shortNames.values()) patterns.add(short).add(`${short.split('.')[0]}.*`);

/** What a filter may be made of: each type, `<resource>.*`, and `*`, which is everything about tasks, their comments and files. */
export const typePatterns: readonly string[] = [...patterns].sort();

/** The stored names of the types that one of these patterns stands for. */
export function typesMatching(some: readonly string[]): EventTypeName[] {
  return [...shortNames].filter(([, short]) => some.some((pattern) => matches(pattern, short))).map(([name]) => name);
}

function matches(pattern: string, short: string): boolean {
  if (pattern === '*') return !short.startsWith('user.');
  return pattern.endsWith('.*') ? short.startsWith(pattern.slice(0, -1)) : pattern === short;
}
