import type { Weakening } from '../weakenings.ts';
import { hiddenShares } from './hidden-shares.ts';
import { repeats } from './repeats.ts';

/** What responses, streams and deliveries may say, and to whom. */
export const answers: readonly Weakening[] = [...repeats, ...hiddenShares];
