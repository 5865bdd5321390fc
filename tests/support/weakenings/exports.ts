import type { Weakening } from '../weakenings.ts';

/** What keeps an exported text from being run by the program that opens it. */
export const exports: readonly Weakening[] = [
  { name: 'cells are guarded', file: 'api/csv.ts', from: 'if (guarded.test(cell))', to: 'if (!WITHOUT && guarded.test(cell))' },
];
