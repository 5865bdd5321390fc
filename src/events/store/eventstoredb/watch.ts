const TICK = 100;

export interface Watched {
  /** There was a sign of life: the time begins anew. */
  heard(): void;
  end(): void;
}

interface Entry extends Watched {
  within: number;
  until: number;
  onSilence: () => void;
}

/**
 * Ends waits for answers that do not come, for no deadline of the client does when the server is frozen or the network swallows. Time
 * in which this very process was frozen does not count: the answer may lie in a buffer already.
 */
export class Watch {
  readonly #entries = new Set<Entry>();
  #clock = 0;
  #last = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Calls back once when there was no sign of life for so many milliseconds. */
  begin(within: number, onSilence: () => void): Watched {
    const entry: Entry = {
      within,
      until: this.#clock + within,
      onSilence,
      heard: () => {
        entry.until = this.#clock + within;
      },
      end: () => {
        this.#entries.delete(entry);
        if (this.#entries.size === 0) this.#stop();
      },
    };
    this.#entries.add(entry);
    this.#timer ??= this.#start();
    return entry;
  }

  #start(): NodeJS.Timeout {
    this.#last = performance.now();
    return setInterval(() => this.#tick(), TICK);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const now = performance.now();
    this.#clock += Math.min(now - this.#last, 2 * TICK);
    this.#last = now;
    for (const entry of [...this.#entries]) {
      if (entry.until > this.#clock) continue;
      entry.end();
      entry.onSilence();
    }
  }
}
