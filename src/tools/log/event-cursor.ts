import type { StoredEvent } from '../../events/store/event-store.ts';

/** Goes through the events of a log one by one, or by what is left of a page, while the next page is being read. */
export class EventCursor {
  readonly #pages: AsyncIterator<readonly StoredEvent[]>;
  #ahead: Promise<IteratorResult<readonly StoredEvent[]>>;
  #page: readonly StoredEvent[] = [];
  #index = 0;

  constructor(pages: AsyncIterable<readonly StoredEvent[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
    this.#ahead = this.#read();
  }

  async next(): Promise<StoredEvent | undefined> {
    if (this.#index === this.#page.length && !(await this.#turn())) return undefined;
    return this.#page[this.#index++];
  }

  async nextPage(): Promise<readonly StoredEvent[] | undefined> {
    if (this.#index === this.#page.length && !(await this.#turn())) return undefined;
    const rest = this.#page.slice(this.#index);
    this.#index = this.#page.length;
    return rest;
  }

  async close(): Promise<void> {
    await this.#ahead.catch(() => {});
    await this.#pages.return?.();
  }

  async #turn(): Promise<boolean> {
    const { value, done } = await this.#ahead;
    if (done || value.length === 0) return false;
    this.#ahead = this.#read();
    this.#page = value;
    this.#index = 0;
    return true;
  }

  #read(): Promise<IteratorResult<readonly StoredEvent[]>> {
    const page = this.#pages.next();
    // It is waited for at the next turn.
    page.catch(() => {});
    return page;
  }
}
