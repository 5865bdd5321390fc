import type pg from 'pg';
import { READ_TIMEOUT_MS } from './fair-reads.ts';
import { createPool } from './pool.ts';

/** Connections by what they are for: none of these can be exhausted by another's work. */
export interface Pools {
  /** Signing in, token checks, and everything else about accounts. */
  accounts: pg.Pool;
  /** What commands read before they append, and write beside the log. */
  commands: pg.Pool;
  /** What requests read from the read models, each statement for a few seconds at most. */
  reads: pg.Pool;
  /** Whole lists that are streamed: each holds its connection for as long as its client reads. */
  exports: pg.Pool;
  /** What no request waits for. */
  background: pg.Pool;
  /** One connection that is never busy for long: it cancels what others run. */
  control: pg.Pool;
}

export type PoolName = keyof Pools;
export const poolNames: readonly PoolName[] = ['accounts', 'commands', 'reads', 'exports', 'background', 'control'];

/** Exports of lists at a time, and beside them one of an account. */
export const MAX_LIST_EXPORTS = 3;
export const MAX_ACCOUNT_EXPORTS = 1;

/**
 * The sizes of the pools, by the one number that is configured: the size of the largest. In the background each chore holds one connection
 * with its lock while its work takes another.
 */
export function poolSizes(poolMax: number): Record<PoolName, number> {
  return {
    reads: poolMax,
    accounts: Math.max(2, Math.ceil(poolMax * 0.4)),
    commands: Math.max(2, Math.ceil(poolMax * 0.5)),
    exports: MAX_LIST_EXPORTS + MAX_ACCOUNT_EXPORTS,
    background: Math.max(8, poolMax),
    control: 1,
  };
}

export function createPools(connectionString: string, poolMax: number, onError: (error: Error) => void): Pools {
  const sizes = poolSizes(poolMax);
  const pool = (name: PoolName, options: { statementTimeout?: number } = {}) =>
    createPool(connectionString, { max: sizes[name], applicationName: `tasktrail ${name}`, onError, ...options });
  return {
    accounts: pool('accounts'),
    commands: pool('commands'),
    reads: pool('reads', { statementTimeout: READ_TIMEOUT_MS }),
    exports: pool('exports'),
    background: pool('background'),
    control: pool('control', { statementTimeout: READ_TIMEOUT_MS }),
  };
}

export async function endPools(pools: Pools): Promise<void> {
  await Promise.all(poolNames.map((name) => pools[name].end()));
}
