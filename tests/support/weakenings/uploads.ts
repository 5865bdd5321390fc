import type { Weakening } from '../weakenings.ts';

/** What makes a file of text be text. */
export const uploads: readonly Weakening[] = [
  {
    name: 'texts are text',
    file: 'platform/files/contents.ts',
    from: 'if (texts[type]) return',
    to: 'if (texts[type] && WITHOUT) return { chunk() {}, end: async () => texts[type]! };\n  if (texts[type]) return',
  },
];
