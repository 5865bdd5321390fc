import type { Figure, Measured, Pair, Stage } from './benchmark.ts';

/**
 * Measures subject and baseline in turn, and whichever was second goes first the next time.
 * @param warmUp what comes before them; a pair of them that is dropped, when left out
 */
export async function alternating<S, B>(
  { rounds }: Pick<Stage, 'rounds'>,
  subject: () => Promise<S>,
  baseline: () => Promise<B>,
  warmUp: () => Promise<unknown> = async () => [await subject(), await baseline()],
): Promise<[S, B][]> {
  const pairs: [S, B][] = [];
  await warmUp();
  for (let round = 1; round <= rounds; round++) {
    if (round % 2 === 0) {
      const first = await subject();
      pairs.push([first, await baseline()]);
    } else {
      const first = await baseline();
      pairs.push([await subject(), first]);
    }
  }
  return pairs;
}

/** One figure of each pair of measurements. */
export function figureOf<K extends string>(pairs: readonly (readonly [Record<K, number>, Record<K, number>])[], figure: K): Pair[] {
  return pairs.map(([subject, baseline]) => [subject[figure], baseline[figure]]);
}

export type Verdict = 'met' | 'missed' | 'unsteady';

export interface Judged {
  ratio: number;
  min: number;
  max: number;
  /** (max − min) / median of the baseline's own values. */
  baselineSpread: number;
  verdict: Verdict;
}

/** Above it the run says nothing. */
const steadyWithin = 0.25;

export function judge({ bound, direction }: Figure, { pairs }: Measured): Judged {
  const ratios = pairs.map(([subject, baseline]) => subject / baseline).sort((a, b) => a - b);
  const baselines = pairs.map(([, baseline]) => baseline).sort((a, b) => a - b);
  const ratio = median(ratios);
  const baselineSpread = (baselines.at(-1)! - baselines[0]!) / median(baselines);
  const isMet = direction === 'at_least' ? ratio >= bound : ratio <= bound;
  // What cannot be compared, as when nothing came back at all, is not reached either.
  const isSteady = !(baselineSpread > steadyWithin);
  return { ratio, min: ratios[0]!, max: ratios.at(-1)!, baselineSpread, verdict: isSteady ? (isMet ? 'met' : 'missed') : 'unsteady' };
}

/** Of sorted values; between the middle two when they are even in number. */
export function median(sorted: readonly number[]): number {
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

/** The same of values as they come. */
export function medianOf(values: readonly number[]): number {
  return median(values.toSorted((a, b) => a - b));
}
