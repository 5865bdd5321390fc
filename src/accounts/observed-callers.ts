import type { KnownCallers } from './known-callers.ts';

/** The same knowledge of callers, with somebody told of each look into memory: whether the caller was known there. */
export function observed(callers: KnownCallers, onLookup: (known: boolean) => void): KnownCallers {
  return {
    ...callers,
    recall(userId, proofId) {
      const caller = callers.recall(userId, proofId);
      onLookup(caller !== undefined);
      return caller;
    },
  };
}
