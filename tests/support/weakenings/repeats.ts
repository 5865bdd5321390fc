import type { Weakening } from '../weakenings.ts';

/** What a repeated command and its answer are held to. */
export const repeats: readonly Weakening[] = [
  {
    name: 'repeats need the permission of today',
    file: 'commands/repeated-command.ts',
    from: 'if (!isEndedByItself) requireAllowed(',
    to: 'if (!isEndedByItself && !WITHOUT) requireAllowed(',
  },
];
