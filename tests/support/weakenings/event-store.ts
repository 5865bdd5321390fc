import type { Weakening } from '../weakenings.ts';

/** What keeps the service from others who use the same event store, and from a log that is not its own. */
export const eventStores: readonly Weakening[] = [
  {
    name: 'foreign events are told by more than the prefix of their stream',
    file: 'events/own-events.ts',
    from: 'if (type.startsWith',
    to: 'if (WITHOUT) return true;\n  if (type.startsWith',
  },
  {
    name: 'tombstones are skipped',
    file: 'events/own-events.ts',
    from: 'export function isOwnEvent({ stream, id, type, metadata }: CandidateEvent): boolean {',
    to: `export function isOwnEvent({ stream, id, type, metadata }: CandidateEvent): boolean {
  if (WITHOUT && type === '$streamDeleted') return true;`,
  },
];
