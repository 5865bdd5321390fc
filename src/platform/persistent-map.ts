import { OrderedMap } from 'immutable';

/**
 * A map that is never changed: `with` and `without` return another one, which shares nearly all of its structure with this one, so that
 * their cost does not grow with the number of entries. Iterates in the order in which its keys were added.
 */
export class PersistentMap<V> implements ReadonlyMap<string, V> {
  readonly #entries: OrderedMap<string, V>;

  private constructor(entries: OrderedMap<string, V>) {
    this.#entries = entries;
  }

  /** The map itself where it is a persistent one, otherwise a copy of it. */
  static of<V>(map: ReadonlyMap<string, V>): PersistentMap<V> {
    return map instanceof PersistentMap ? map : new PersistentMap(OrderedMap(map));
  }

  with(key: string, value: V): PersistentMap<V> {
    return new PersistentMap(this.#entries.set(key, value));
  }

  without(key: string): PersistentMap<V> {
    return this.#entries.has(key) ? new PersistentMap(this.#entries.delete(key)) : this;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  keys(): MapIterator<string> {
    return this.#entries.keys() as MapIterator<string>;
  }

  values(): MapIterator<V> {
    return this.#entries.values() as MapIterator<V>;
  }

  entries(): MapIterator<[string, V]> {
    return this.#entries.entries() as MapIterator<[string, V]>;
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }
}
