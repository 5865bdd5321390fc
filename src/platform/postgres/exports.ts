import type pg from 'pg';
import { createPlaces, NoPlaceFree } from '../places.ts';
import { cursorBatches } from './cursor-batches.ts';
import { placesOf, type Requester, TooManyReads } from './fair-reads.ts';
import { MAX_ACCOUNT_EXPORTS, MAX_LIST_EXPORTS } from './pools.ts';

/** Lists take no place from those who export their account. */
export type ExportKind = 'list' | 'account';

export interface Exports {
  /** @throws TooManyExports, TooManyReads, QueryTooSlow, DatabaseUnavailable */
  batches<R>(
    requester: Requester,
    kind: ExportKind,
    statement: { text: string; values: unknown[] },
    signal: AbortSignal,
  ): AsyncGenerator<R[]>;
}

/** As many exports as one user may have are under way. */
export class TooManyExports extends Error {
  override name = 'TooManyExports';
  readonly limit = MAX_EXPORTS_PER_USER;
  constructor() {
    super(`At most ${MAX_EXPORTS_PER_USER} exports at a time; read or close one of them first`);
  }
}

export const MAX_EXPORTS_PER_USER = 2;
const EXPORT_TIMEOUT_MS = 600_000;
const PLACE_TIMEOUT_MS = 10_000;

/** Whole lists as they are read. */
export function createExports(pool: pg.Pool, control: Pick<pg.Pool, 'query'>, placeTimeoutMs = PLACE_TIMEOUT_MS): Exports {
  const limits = { maxWaiting: Number.POSITIVE_INFINITY, waitTimeoutMs: placeTimeoutMs };
  const places = {
    list: createPlaces({ ...limits, maxRunning: MAX_LIST_EXPORTS }),
    account: createPlaces({ ...limits, maxRunning: MAX_ACCOUNT_EXPORTS }),
  };
  const counts = new Map<string, number>();

  const countOne = (key: string) => {
    const count = counts.get(key) ?? 0;
    if (count >= MAX_EXPORTS_PER_USER) throw new TooManyExports();
    counts.set(key, count + 1);
    return () => {
      const left = counts.get(key)! - 1;
      if (left === 0) counts.delete(key);
      else counts.set(key, left);
    };
  };

  return {
    async *batches<R>(requester: Requester, kind: ExportKind, statement: { text: string; values: unknown[] }, signal: AbortSignal) {
      const uncount = countOne(placesOf(requester));
      try {
        const giveBack = await places[kind].take('', signal).catch((error: unknown) => {
          throw error instanceof NoPlaceFree ? new TooManyReads('Too many lists are being streamed just now; try again shortly') : error;
        });
        try {
          yield* cursorBatches<R>(pool, control, statement, { signal, timeoutMs: EXPORT_TIMEOUT_MS });
        } finally {
          giveBack();
        }
      } finally {
        uncount();
      }
    },
  };
}
