/** Chance that can be had again: the same seed, the same numbers. */
export interface Random {
  /** From 0 to 1, without 1. */
  next(): number;
  /** Whether something happens that happens with this probability. */
  happens(probability: number): boolean;
  between(low: number, high: number): number;
  pick<T>(from: readonly T[]): T;
}

const MODULUS = 2_147_483_647;

/** Park and Miller's generator. @param seed a whole number from 1 on */
export function createRandom(seed: number): Random {
  let state = seed % MODULUS;
  const next = () => {
    state = (state * 48_271) % MODULUS;
    return (state - 1) / (MODULUS - 1);
  };
  return {
    next,
    happens: (probability) => next() < probability,
    between: (low, high) => low + next() * (high - low),
    pick: (from) => from[Math.floor(next() * from.length)]!,
  };
}
