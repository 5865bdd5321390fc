import type { Position } from '../event-store.ts';

/** An event of another application, in a stream named like ours. */
export interface ForeignEvent {
  /** As it is called in the store's names. */
  stream: string;
  /** Undefined for one above what a number holds exactly. */
  revision: number | undefined;
  type: string;
  position: Position;
  /** Whether it stands in a stream of a task or a user. */
  isInOwnStream: boolean;
}

/** Each of them is a line of the log; then one line that says that the others are counted alone. */
const MAX_NAMED = 20;
/** So many positions are remembered exactly; beyond, only what stands behind the last one is new. */
const MAX_REMEMBERED = 100_000;

/** Counts and names the events of others that the readers of this process came upon: each once, however many readers there are. */
export class ForeignEvents {
  readonly #seen = new Set<Position>();
  readonly #log: (line: string) => void;
  readonly #onForeign: ((event: ForeignEvent) => void) | undefined;
  #last: Position = -1n;
  #count = 0;

  constructor(log: (line: string) => void, onForeign?: (event: ForeignEvent) => void) {
    this.#log = log;
    this.#onForeign = onForeign;
  }

  get count(): number {
    return this.#count;
  }

  add(event: ForeignEvent): void {
    const { position, stream, type } = event;
    if (this.#seen.has(position) || (this.#seen.size >= MAX_REMEMBERED && position <= this.#last)) return;
    if (this.#seen.size < MAX_REMEMBERED) this.#seen.add(position);
    if (position > this.#last) this.#last = position;
    this.#count++;
    this.#onForeign?.(event);
    if (this.#count <= MAX_NAMED)
      this.#log(`EventStoreDB holds an event of another application, which is skipped: ${type} in ${stream} at position ${position}`);
    if (this.#count === MAX_NAMED + 1)
      this.#log('EventStoreDB holds more events of other applications, which are skipped and only counted from here on');
  }
}
