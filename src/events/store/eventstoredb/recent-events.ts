import type { Position, StoredEvent } from '../event-store.ts';

const KEPT_EVENTS = 4_000;
const KEPT_BYTES = 2 ** 23;

/** The last events that came by one live subscription, without a gap and up to a bound. */
export class RecentEvents {
  /** Every event after this that has come is here. */
  #start: Position;
  #events: StoredEvent[] = [];
  #bytes = 0;
  /** How far the server says it has looked for events of ours. */
  #searched: Position;

  /** @param start where the subscription begins */
  constructor(start: Position) {
    this.#start = start;
    this.#searched = start;
  }

  /** How far the log is known by the subscription. */
  get end(): Position {
    const last = this.#events.at(-1)?.position ?? this.#start;
    return last > this.#searched ? last : this.#searched;
  }

  /**
   * The events after a position. Undefined when they are not all here, and when there are none but the server has looked farther: it may be
   * wrong about that, so a page is to be read to see.
   */
  after(position: Position): StoredEvent[] | undefined {
    if (position < this.#start) return undefined;
    const events = this.#events.slice(this.#events.findLastIndex((event) => event.position <= position) + 1);
    return events.length === 0 && this.#searched > position ? undefined : events;
  }

  add(event: StoredEvent): void {
    if (event.position <= (this.#events.at(-1)?.position ?? this.#start)) return;
    this.#events.push(event);
    this.#bytes += sizeOf(event);
    if (this.#events.length > KEPT_EVENTS || this.#bytes > KEPT_BYTES) this.#drop();
  }

  /** The server has looked so far; only what is farther than what is known counts. @returns whether that is news */
  reached(position: Position): boolean {
    if (position <= this.end) return false;
    this.#searched = position;
    return true;
  }

  /** A half at once, for moving the others costs as much for one. */
  #drop(): void {
    const dropped = this.#events.splice(0, Math.ceil(this.#events.length / 2));
    for (const event of dropped) this.#bytes -= sizeOf(event);
    this.#start = dropped.at(-1)!.position;
  }
}

function sizeOf({ data, metadata }: StoredEvent): number {
  return data.length + metadata.length;
}
