import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { decodeEvents } from '../../events/codec.ts';
import type { KeyVault } from '../../events/keys/key-vault.ts';
import type { RecordedEvent } from '../../events/recorded-event.ts';
import { eventAt } from '../../events/store/event-at.ts';
import type { EventStore, Position, StoredEvent, SubscriptionBatch } from '../../events/store/event-store.ts';
import { inTransaction } from '../../platform/postgres/transaction.ts';
import { type Subscriber, Unreachable } from '../subscriber.ts';
import { type Attempt, advance, type Checkpoint, Fenced, forgetAttempt, noteAttempt } from './checkpoint.ts';
import { describe, EndsProcess, tellsOfNoEvent, unlessAborted } from './failures.ts';
import { claim, duePart, failedAgain, giveBack, heldBack, type Parked, putAside, remove } from './parked.ts';
import type { Timing } from './timing.ts';

export interface ActiveParts {
  store: Pick<EventStore, 'readStream'>;
  vault: KeyVault;
  timing: Timing;
  /** So many events were handled. */
  onHandled(events: number): void;
  onPutAside(event: StoredEvent, error: string): void;
  /** The other side is not there; null: it is again. */
  onUnreachable(error: Unreachable | null): void;
}

/** So many events put aside are handled before it is the log's turn again. */
const PARKED_AT_ONCE = 100;

/** The one instance that handles events for a subscriber just now. Not to be called twice at a time. */
export class ActiveSubscriber {
  readonly #subscriber: Subscriber;
  readonly #client: pg.Client;
  readonly #parts: ActiveParts;
  readonly #signal: AbortSignal;
  #checkpoint: Checkpoint;
  /** What was being handled when a process ended: up to there, each event is tried by itself and said to be. */
  #suspect: Attempt | null;
  /** Whether anything was handled since the start: until then it is said what is being handled. */
  #proven = false;
  /** How many events the next page has at most: halved by each failure, doubled by each success. */
  #pageSize: number;

  constructor(
    subscriber: Subscriber,
    { client, signal, ...parts }: ActiveParts & { client: pg.Client; signal: AbortSignal },
    { attempted, ...checkpoint }: Checkpoint & { attempted: Attempt | null },
  ) {
    this.#subscriber = subscriber;
    this.#client = client;
    this.#signal = signal;
    this.#parts = parts;
    this.#checkpoint = checkpoint;
    this.#suspect = attempted;
    this.#pageSize = this.#maxPageSize;
  }

  get #maxPageSize(): number {
    return this.#subscriber.maxPageSize ?? Number.POSITIVE_INFINITY;
  }

  get position(): Position {
    return this.#checkpoint.position;
  }

  /** Asks the subscriber whether what it sends to is still what it was. Throws as `handle` does. */
  async check(): Promise<void> {
    const { check } = this.#subscriber;
    if (check) await this.#whenReachable(() => unlessAborted(check(this.#signal), this.#signal));
  }

  /**
   * Handles the next events of the log, a page at a time, and moves the checkpoint behind each page.
   * @throws Fenced; what says that the database or the event store is away
   */
  async handle(batch: SubscriptionBatch): Promise<void> {
    for (let left = this.#unhandled(batch); left.length > 0; left = this.#unhandled(batch)) {
      const suspects = left.filter(({ position }) => position <= (this.#suspect?.upTo ?? -1n));
      // What was being handled when a process ended is tried in halves, apart from the events behind it.
      if (suspects.length > 1 && !this.#proven) this.#pageSize = Math.min(this.#pageSize, Math.ceil(suspects.length / 2));
      await this.#handlePage(suspects.length > 0 ? suspects : left);
    }
    if (batch.position > this.position) await this.#inTransaction(() => this.#advance(batch.position, undefined));
  }

  #unhandled({ events }: SubscriptionBatch): readonly StoredEvent[] {
    return events.filter(({ position }) => position > this.position);
  }

  /** Handles events put aside whose turn has come. Throws as `handle` does. */
  async handleParked(): Promise<void> {
    for (let left = PARKED_AT_ONCE; left > 0; ) {
      const due = await duePart(this.#client, this.#subscriber.name, left);
      if (due.length === 0) return;
      for (const parked of due) await this.#handleParked(parked);
      left -= due.length;
    }
  }

  /** Handles some of these events, from the first one on. A page that fails is halved, and an event that fails alone is put aside. */
  async #handlePage(events: readonly StoredEvent[]): Promise<void> {
    const { retries } = this.#parts.timing;
    for (let failures = 0; ; ) {
      try {
        const isWhole = await this.#whenReachable(() => this.#tryPage(events));
        if (isWhole) this.#pageSize = Math.min(this.#pageSize * 2, this.#maxPageSize);
        return;
      } catch (error) {
        if (this.#isNoFault(error)) throw error;
        const [first] = events.slice(0, this.#pageSize);
        if (this.#halve(events.length)) continue;
        const wait = error instanceof EndsProcess ? undefined : retries[failures++];
        if (wait === undefined)
          return this.#park(first!, { error: describe(error), attempts: error instanceof EndsProcess ? error.starts : failures });
        await pause(wait, undefined, { signal: this.#signal });
      }
    }
  }

  /** A page that the other side did not acknowledge is halved too: it may be too much at once. */
  async #tryPage(events: readonly StoredEvent[]): Promise<boolean> {
    try {
      return await this.#try(events.slice(0, this.#pageSize));
    } catch (error) {
      if (error instanceof Unreachable) this.#halve(events.length);
      throw error;
    }
  }

  /** @returns false when the page has no more than one event */
  #halve(events: number): boolean {
    const size = Math.min(events, this.#pageSize);
    if (size > 1) this.#pageSize = Math.ceil(size / 2);
    return size > 1;
  }

  async #park(event: StoredEvent, failure: { error: string; attempts: number }): Promise<void> {
    await this.#inTransaction(async () => {
      await putAside(this.#client, this.#subscriber.name, [event], failure);
      return this.#advance(event.position, event);
    });
    this.#parts.onPutAside(event, failure.error);
  }

  /** @returns whether all of these events were handled, and not only the first ones */
  async #try(stored: readonly StoredEvent[]): Promise<boolean> {
    const last = stored.at(-1)!;
    const isNoted = !this.#proven || last.position <= (this.#suspect?.upTo ?? -1n);
    if (isNoted) await this.#note(last.position);
    try {
      await this.#handleTogether(stored, isNoted);
    } catch (error) {
      if (isNoted) await this.#forget();
      throw error;
    }
    this.#proven = true;
    return this.position >= last.position;
  }

  #forget(): Promise<void> {
    return forgetAttempt(this.#client, this.#subscriber.name, this.#checkpoint).catch(() => {});
  }

  /** @throws EndsProcess when too many processes in a row have ended while they handled what ends here */
  async #note(upTo: Position): Promise<void> {
    const starts = await noteAttempt(this.#client, this.#subscriber.name, this.#checkpoint, upTo);
    if (starts > this.#parts.timing.starts) throw new EndsProcess(starts - 1);
  }

  async #handleTogether(stored: readonly StoredEvent[], isNoted: boolean): Promise<void> {
    const streams = [...new Set(stored.map(({ stream }) => stream))];
    const held = await this.#held(streams);
    const own = stored.filter(({ stream }) => !held.has(stream));
    const decoded = await decodeEvents(own, this.#parts.vault);
    const sent = await (isNoted ? this.#acquitting(() => this.#send(decoded)) : this.#send(decoded));
    const events = decoded.slice(0, sent);
    await this.#prepare(events);
    const next = own[sent]?.position;
    const done = next === undefined ? stored : stored.filter(({ position }) => position < next);
    await this.#inTransaction(async () => {
      const behind = done.filter(({ stream }) => held.has(stream));
      await putAside(this.#client, this.#subscriber.name, behind, null);
      await this.#write(events);
      const last = done.at(-1)!;
      return this.#advance(last.position, last);
    });
    this.#handled(events);
  }

  /** Also the last look, before anything is sent, whether this instance is still the one. @throws Fenced */
  async #held(streams: readonly string[]): Promise<ReadonlySet<string>> {
    const { name } = this.#subscriber;
    const held = await heldBack(this.#client, name, this.#checkpoint.epoch, streams);
    if (held === null || this.#signal.aborted) throw new Fenced(`Another instance has taken over the subscriber ${name}`);
    return held;
  }

  async #handleParked(parked: Parked): Promise<void> {
    await this.#held([]);
    if (!(await claim(this.#client, parked))) return;
    try {
      await this.#whenReachable(() => this.#tryParked(parked));
    } catch (error) {
      if (this.#isNoFault(error)) {
        await giveBack(this.#client, parked).catch(() => {});
        throw error;
      }
      await failedAgain(this.#client, parked, describe(error));
    }
  }

  async #tryParked(parked: Parked): Promise<void> {
    const { stream, revision } = parked;
    const stored = await eventAt(this.#parts.store, stream, revision);
    const events = await decodeEvents(stored ? [stored] : [], this.#parts.vault);
    if (events.length === 0) throw new Error(`the log has no event there (${stream}, revision ${revision})`);
    await this.#send(events);
    await this.#prepare(events);
    await this.#inTransaction(async () => {
      if (!(await remove(this.#client, parked))) throw new Fenced('What was put aside was taken away meanwhile');
      await this.#write(events);
      return this.#checkpoint;
    });
    this.#handled(events);
  }

  /**
   * A subscriber that does not heed its signal is left to itself: another instance may be at work by then.
   * @returns how many of the events were sent, from the first one on
   */
  async #send(events: readonly RecordedEvent[]): Promise<number> {
    if (events.length === 0 || !this.#subscriber.send) return events.length;
    const sent = await unlessAborted<unknown>(this.#subscriber.send(events, this.#signal), this.#signal);
    return typeof sent === 'number' ? sent : events.length;
  }

  /**
   * An event that ends a process does so at once. A process that still turns after a while only waits for the other side, and if it ends
   * from then on, the event is not to blame: the note of the attempt is taken back.
   */
  async #acquitting<T>(work: () => Promise<T>): Promise<T> {
    let forgotten: Promise<void> | undefined;
    const timer = setTimeout(() => {
      forgotten = this.#forget();
    }, this.#parts.timing.acquittedAfter);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      await forgotten;
    }
  }

  async #prepare(events: readonly RecordedEvent[]): Promise<void> {
    if (events.length > 0) await this.#subscriber.prepare?.(events);
  }

  async #write(events: readonly RecordedEvent[]): Promise<void> {
    if (events.length > 0) await this.#subscriber.write?.(events, this.#client);
  }

  #handled(events: readonly RecordedEvent[]): void {
    if (events.length === 0) return;
    if (this.#subscriber.write) this.#subscriber.written?.();
    this.#parts.onHandled(events.length);
  }

  async #advance(to: Position, last: StoredEvent | undefined): Promise<Checkpoint> {
    await advance(this.#client, this.#subscriber.name, this.#checkpoint, to, last);
    return { ...this.#checkpoint, position: to };
  }

  /** @param work answers the checkpoint that holds once it is committed */
  async #inTransaction(work: () => Promise<Checkpoint>): Promise<void> {
    this.#checkpoint = await inTransaction(this.#client, work);
  }

  /** Tries for as long as the other side is not there, with a smaller page each time. */
  async #whenReachable<T>(work: () => Promise<T>): Promise<T> {
    const { unreachablePause, longestPause } = this.#parts.timing;
    for (let wait = unreachablePause; ; wait = Math.min(wait * 2, longestPause)) {
      try {
        const result = await work();
        this.#parts.onUnreachable(null);
        return result;
      } catch (error) {
        if (!(error instanceof Unreachable) || this.#signal.aborted) throw error;
        this.#parts.onUnreachable(error);
        await pause(wait, undefined, { signal: this.#signal });
      }
    }
  }

  /** Whether an error tells of something else than the events. */
  #isNoFault(error: unknown): boolean {
    return this.#signal.aborted || tellsOfNoEvent(error) || (this.#client as unknown as { _queryable?: boolean })._queryable === false;
  }
}
