/** A queue that is taken from in turn between those whose items wait: the first of each before the second of any. */
export class FairQueue<T> {
  // The order of the keys is that of their turns.
  readonly #waiting = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many items of this key wait. */
  countOf(key: string): number {
    return this.#waiting.get(key)?.length ?? 0;
  }

  add(key: string, item: T): void {
    const own = this.#waiting.get(key);
    if (own) own.push(item);
    else this.#waiting.set(key, [item]);
    this.#size++;
  }

  take(): T | undefined {
    const [next] = this.#waiting;
    if (next === undefined) return undefined;
    const [key, own] = next;
    const item = own.shift();
    this.#waiting.delete(key);
    if (own.length > 0) this.#waiting.set(key, own);
    this.#size--;
    return item;
  }

  /** Takes one item out, wherever it stands. */
  remove(key: string, item: T): void {
    const own = this.#waiting.get(key);
    const at = own?.indexOf(item) ?? -1;
    if (own === undefined || at < 0) return;
    own.splice(at, 1);
    if (own.length === 0) this.#waiting.delete(key);
    this.#size--;
  }
}
