/** How patient the engine is. All in milliseconds but `starts`. */
export interface Timing {
  /** Before each further try of an event that failed; after the last it is put aside. */
  retries: readonly number[];
  /** Before the first further try while the other side is not there; each later pause is twice as long. */
  unreachablePause: number;
  /** Likewise after any other failure, as one of the database. */
  shortestPause: number;
  longestPause: number;
  /** Behind a batch: what comes meanwhile comes together, for a batch costs a transaction however few events are in it. */
  rest: number;
  /** Between two looks at what was put aside and may be handled now. */
  lookEvery: number;
  /** Between two questions to a subscriber that has nothing to do: whether what it sends to is still what it was. */
  checkEvery: number;
  /** An attempt that has lasted so long no longer counts as one that may end the process. */
  acquittedAfter: number;
  /** So many processes may end while they handle an event before it is put aside. */
  starts: number;
  /** Between two tries to become the active instance. */
  lockRetry: number;
}

export const usualTiming: Timing = {
  retries: [100, 400, 1_600],
  unreachablePause: 1_000,
  shortestPause: 250,
  longestPause: 5_000,
  rest: 100,
  lookEvery: 500,
  checkEvery: 60_000,
  acquittedAfter: 1_000,
  starts: 3,
  lockRetry: 1_000,
};
