/**
 * Shares the result of some work among all who ask for it while it is under way, and for a time after it began. A failure is shared only
 * while the work is under way.
 * @param maxAgeMs of a result, from the beginning of its work
 * @param now milliseconds of a clock that never goes back
 */
export function shareResult<T>(maxAgeMs: number, work: () => Promise<T>, now: () => number = () => performance.now()): () => Promise<T> {
  let current: { result: Promise<T>; startedAt: number; isPending: boolean } | undefined;
  return () => {
    if (current && (current.isPending || now() - current.startedAt < maxAgeMs)) return current.result;
    const started = { result: work(), startedAt: now(), isPending: true };
    current = started;
    started.result.then(
      () => {
        started.isPending = false;
      },
      () => {
        if (current === started) current = undefined;
      },
    );
    return started.result;
  };
}
