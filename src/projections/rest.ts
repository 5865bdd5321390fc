/** A pause that can be cut short. */
export interface Rest {
  /** @param ms none for 0 */
  take(ms: number): Promise<void>;
  /** Ends the pause that is being taken, and keeps the next one from being taken. */
  end(): void;
}

export function createRest(stop: AbortSignal): Rest {
  let wake: (() => void) | undefined;
  let ended = false;
  const end = () => {
    ended = true;
    wake?.();
  };
  stop.addEventListener('abort', end);
  return {
    end,
    async take(ms) {
      if (ms > 0 && !ended) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, ms);
        });
        clearTimeout(timer);
        wake = undefined;
      }
      ended = stop.aborted;
    },
  };
}
