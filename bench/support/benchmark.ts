import type { Closing } from '../../src/platform/closing.ts';

/** A figure that is to reach something. */
export interface Figure {
  /** As `S1`, or `S1.p99`. */
  id: string;
  /** What is wanted, in words. */
  goal: string;
  bound: number;
  direction: 'at_least' | 'at_most';
}

/** One benchmark, in a file of its own in `bench/goals`, as its export `benchmark`. */
export interface Benchmark {
  /** As `S1`; what is given on the command line. */
  id: string;
  title: string;
  /** None for a comparison that nothing is promised of. */
  figures: readonly Figure[];
  /** Left out unless it is asked for by its id. */
  ownRunOnly?: boolean;
  /** What it may take at most: ten when left out. */
  minutes?: number;
  run(stage: Stage): Promise<Outcome>;
}

/** What a benchmark is given to work with. */
export interface Stage {
  /** How often subject and baseline are measured in turn, beside the warm-up. */
  rounds: number;
  quick: boolean;
  /** A size or a length of time: the first in a whole run, the second in a quick one. */
  pick<T>(full: T, quick: T): T;
  /** A directory of its own; removed behind it. */
  directory: string;
  /** One that all benchmarks of the run have in common; removed behind the last. */
  shared: string;
  /** What was opened is registered here at once: it is closed behind the benchmark, also when it fails or is interrupted. */
  closing: Closing;
  /** Tells whoever watches how it goes. */
  say(line: string): void;
}

export interface Outcome {
  /** By the ids of the figures. */
  figures: Record<string, Measured>;
  /** What else is worth knowing; each goes into the documentation. */
  tables?: readonly Table[];
}

export interface Measured {
  /** Subject and baseline of each round, the warm-up dropped. */
  pairs: readonly Pair[];
  /** Of both, as `/s` or `ms`. */
  unit: string;
  /** What the figures alone do not say. */
  note?: string;
}

export type Pair = readonly [subject: number, baseline: number];

export interface Table {
  title: string;
  columns: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  /** A paragraph below it. */
  note?: string;
}

/** It cannot be measured here, which is no failure. */
export class CannotBeMeasured extends Error {
  override name = 'CannotBeMeasured';
}
