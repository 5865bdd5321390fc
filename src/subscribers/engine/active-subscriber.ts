import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { decodeEvents } from '../../events/codec.ts';
import type { KeyVault } from '../../events/keys/key-vault.ts';
import type { RecordedEvent } from '../../events/recorded-event.ts';
import { eventAt } from '../../events/store/event-at.ts';
import {
  type EventStore,
  type Position,
  type StoredEvent,
  StoreUnavailable,
  type SubscriptionBatch,
} from '../../events/store/event-store.ts';
import { isConnectionFailure } from '../../platform/postgres/connection-failure.ts';
import { inTransaction } from '../../platform/postgres/transaction.ts';
import { type Subscriber, Unreachable } from '../subscriber.ts';
import { type Attempt, advance, type Checkpoint, Fenced, forgetAttempt, noteAttempt } from './checkpoint.ts';
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
  onUnreachable(error: string | null): void;
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
  }

  get position(): Position {
    return this.#checkpoint.position;
  }

  /**
   * Handles the next events of the log, all of them at once where that is possible.
   * @throws Fenced; what says that the database or the event store is away
   */
  async handle(batch: SubscriptionBatch): Promise<void> {
    if (batch.position <= this.position) return;
    const suspected = batch.events.some(({ position }) => position <= (this.#suspect?.upTo ?? -1n));
    if (!suspected) {
      try {
        return await this.#whenReachable(() => this.#try(batch.events, batch.position));
      } catch (error) {
        if (this.#isNoFault(error)) throw error;
      }
    }
    for (const event of batch.events) await this.#handleAlone(event);
    if (batch.position > this.position) await this.#inTransaction(() => this.#advance(batch.position, undefined));
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

  async #handleAlone(event: StoredEvent): Promise<void> {
    const { retries } = this.#parts.timing;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#whenReachable(() => this.#try([event], event.position));
      } catch (error) {
        if (this.#isNoFault(error)) throw error;
        const wait = error instanceof EndsProcess ? undefined : retries[tries - 1];
        if (wait === undefined)
          return this.#park(event, { error: describe(error), attempts: error instanceof EndsProcess ? error.starts : tries });
        await pause(wait, undefined, { signal: this.#signal });
      }
    }
  }

  async #park(event: StoredEvent, failure: { error: string; attempts: number }): Promise<void> {
    await this.#inTransaction(async () => {
      await putAside(this.#client, this.#subscriber.name, [event], failure);
      return this.#advance(event.position, event);
    });
    this.#parts.onPutAside(event, failure.error);
  }

  async #try(stored: readonly StoredEvent[], upTo: Position): Promise<void> {
    const isNoted = stored.length > 0 && (!this.#proven || upTo <= (this.#suspect?.upTo ?? -1n));
    if (isNoted) await this.#note(upTo);
    try {
      await this.#handleTogether(stored, upTo);
    } catch (error) {
      if (isNoted) await forgetAttempt(this.#client, this.#subscriber.name, this.#checkpoint).catch(() => {});
      throw error;
    }
    if (stored.length > 0) this.#proven = true;
  }

  /** @throws EndsProcess when too many processes in a row have ended while they handled what ends here */
  async #note(upTo: Position): Promise<void> {
    const starts = await noteAttempt(this.#client, this.#subscriber.name, this.#checkpoint, upTo);
    if (starts > this.#parts.timing.starts) throw new EndsProcess(starts - 1);
  }

  async #handleTogether(stored: readonly StoredEvent[], upTo: Position): Promise<void> {
    const streams = [...new Set(stored.map(({ stream }) => stream))];
    const held = await this.#held(streams);
    const events = await decodeEvents(
      stored.filter(({ stream }) => !held.has(stream)),
      this.#parts.vault,
    );
    await this.#send(events);
    await this.#prepare(events);
    await this.#inTransaction(async () => {
      const behind = stored.filter(({ stream }) => held.has(stream));
      await putAside(this.#client, this.#subscriber.name, behind, null);
      await this.#write(events);
      return this.#advance(upTo, stored.at(-1));
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

  /** One that does not heed its signal is left to itself: another instance may be at it by then. */
  async #send(events: readonly RecordedEvent[]): Promise<void> {
    if (events.length > 0 && this.#subscriber.send) await unlessAborted(this.#subscriber.send(events, this.#signal), this.#signal);
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

  /** Tries for as long as the other side is not there. */
  async #whenReachable(work: () => Promise<void>): Promise<void> {
    const { shortestPause, longestPause } = this.#parts.timing;
    for (let wait = shortestPause; ; wait = Math.min(wait * 2, longestPause)) {
      try {
        await work();
        return this.#parts.onUnreachable(null);
      } catch (error) {
        if (!(error instanceof Unreachable) || this.#signal.aborted) throw error;
        this.#parts.onUnreachable(error.message);
        await pause(wait, undefined, { signal: this.#signal });
      }
    }
  }

  /** Whether an error tells of something else than the events. */
  #isNoFault(error: unknown): boolean {
    if (this.#signal.aborted || error instanceof Fenced || error instanceof Unreachable || error instanceof StoreUnavailable) return true;
    return isConnectionFailure(error) || isRace(error) || (this.#client as unknown as { _queryable?: boolean })._queryable === false;
  }
}

/** Two transactions waited for each other, or got in each other's way: SQLSTATE class 40. */
function isRace(error: unknown): boolean {
  return /^40...$/.test(String((error as { code?: unknown } | undefined)?.code));
}

/** Processes have ended while they handled an event, so often that it is to blame. */
class EndsProcess extends Error {
  readonly starts: number;
  constructor(starts: number) {
    super(`the process ended ${starts} times while it was handled`);
    this.starts = starts;
  }
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let abandon = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abandon = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abandon);
  await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', abandon));
}

export function describe(error: unknown): string {
  return String((error as Error | undefined)?.message ?? error);
}
