import type { Weakening } from '../weakenings.ts';

/** What keeps releases that know different vocabularies from harming each other. */
export const vocabularies: readonly Weakening[] = [
  {
    name: 'older instances are looked for',
    file: 'events/vocabulary-gate.ts',
    from: 'if (await isOlderServiceAtWork(pool, VOCABULARY)) return 1;',
    to: 'if (!WITHOUT && (await isOlderServiceAtWork(pool, VOCABULARY))) return 1;',
  },
  {
    name: 'logs of a newer vocabulary are refused',
    file: 'events/vocabulary-gate.ts',
    from: 'if (recorded <= VOCABULARY) return;',
    to: 'if (recorded <= VOCABULARY || WITHOUT) return;',
  },
];
