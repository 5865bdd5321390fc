import type { Weakening } from '../weakenings.ts';

const erasedNames = 'events/keys/erased-names.ts';

/** What keeps the name of an erased user out of what others wrote. */
export const erasedMentions: readonly Weakening[] = [
  {
    name: 'events are read without the names of erased users',
    file: 'events/codec.ts',
    from: 'return hideErasedNames(decoded, vault.erasedNames);',
    to: 'return WITHOUT ? decoded : hideErasedNames(decoded, vault.erasedNames);',
  },
  {
    name: 'rows lose the names of erased users',
    file: 'projections/erased-names.ts',
    from: 'if (!event.erasedNames) continue;',
    to: 'if (WITHOUT || !event.erasedNames) continue;',
  },
  {
    name: 'names are looked up again when an account changes',
    file: erasedNames,
    from: 'else cache.delete(userId);',
    to: 'else if (!WITHOUT) cache.delete(userId);',
  },
];
