import { setTimeout as sleep } from 'node:timers/promises';
import { type AllStreamResolvedEvent, type AllStreamSubscription, ErrorType, streamNameFilter } from '@eventstore/db-client';
import { BEGINNING, type Position, type StoredEvent } from '../event-store.ts';
import { type Client, type Connection, fromLeader } from './connection.ts';
import { isOfType, isPassing, reasonOf } from './failures.ts';
import type { Names } from './names.ts';
import { type LogReader, positionOf } from './read-log.ts';
import { RecentEvents } from './recent-events.ts';

export interface TailOptions {
  connection: Connection;
  reader: LogReader;
  names: Names;
  log: (line: string) => void;
}

// Milliseconds.
const HEARTBEAT = 1_000;
const CONFIRM_WITHIN = 5_000;
/** How often a waiting subscriber looks for itself while the live subscription is away. */
const POLL = 250;
const LONGEST_PAUSE = 2_000;
/** After a subscription that lasted so long, its end is news again. */
const LONG = 60_000;

/** Events after which the server says how far it has looked. */
const CHECKPOINT_EVERY = 2_000;

/**
 * The end of the log as it grows: one live subscription for all subscribers of this process, which is always read at once, and the last
 * events that came by it. Whoever falls behind what is kept reads pages until the tail has him again; so neither a slow subscriber nor a
 * subscription that the server drops costs anything but that. It is replaced on error, end, close, and silence while the head moves on.
 */
export class LiveTail {
  readonly #options: TailOptions;
  readonly #closing = new AbortController();
  readonly #supervised: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #count = 0;
  /** Of the subscription that there is; undefined while there is none. */
  #recent: RecentEvents | undefined;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#supervised = this.#supervise();
  }

  /** Grows whenever there may be something new. */
  get count(): number {
    return this.#count;
  }

  /** The events after a position; undefined when they are not all here, or when there is more to be known by reading a page. */
  after(position: Position): StoredEvent[] | undefined {
    return this.#recent?.after(position);
  }

  /** Waits until there has been more than was counted before, or until it is time to look without being told, or the signal. */
  async next(counted: number, signal: AbortSignal): Promise<void> {
    if (this.#count !== counted || signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    let wake: () => void = () => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
      if (!this.#recent) timer = setTimeout(wake, POLL);
    });
    clearTimeout(timer);
    this.#waiting.delete(wake);
    signal.removeEventListener('abort', wake);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#supervised;
  }

  async #supervise(): Promise<void> {
    const { connection, log } = this.#options;
    const { signal } = this.#closing;
    let told: string | undefined;
    for (let pause = 0; !signal.aborted; ) {
      if (!(await connection.backWithin(HEARTBEAT, signal))) continue;
      const since = performance.now();
      try {
        await this.#follow();
      } catch (error) {
        const reason = reasonOf(error);
        // A subscription that broke with its connection may be the first to show that the server went away, and came back as another.
        if (isLost(error)) connection.lost(error);
        if (isStrange(error) && reason !== told) log(`EventStoreDB: the live subscription is begun anew: ${reason}`);
        told = isStrange(error) ? reason : told;
      }
      this.#recent = undefined;
      this.#wake();
      const lasted = performance.now() - since;
      if (lasted > LONG) told = undefined;
      pause = lasted > HEARTBEAT ? 10 : Math.min(Math.max(pause * 2, 20), LONGEST_PAUSE);
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
    }
  }

  /** Follows the log by one subscription until that fails. */
  async #follow(): Promise<void> {
    const { connection, reader } = this.#options;
    const recent = new RecentEvents(await reader.end());
    const client = await connection.subscribing();
    const subscription = this.#subscribe(client, recent);
    const failed = failureOf(subscription);
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#closing.signal]);
    try {
      await Promise.race([failed, confirmationOf(subscription, signal)]);
      this.#recent = recent;
      this.#wake();
      for (let expected = BEGINNING; !signal.aborted; ) {
        await Promise.race([failed, sleep(HEARTBEAT, undefined, { signal }).catch(() => {})]);
        if ((await connection.subscribing()) !== client) throw new Error('the client of the live subscription was replaced');
        if (expected > recent.end) throw new Strange('it has gone silent, and there is more in the log');
        expected = await Promise.race([failed, reader.head()]);
      }
    } finally {
      over.abort();
      subscription.unsubscribe().catch(() => {});
    }
  }

  #subscribe(client: Client, recent: RecentEvents): AllStreamSubscription {
    const { reader, names } = this.#options;
    const { prefixes } = names;
    /** Events of others in a row, in streams named like ours. */
    let skipped = 0;
    const filter = streamNameFilter({
      prefixes,
      maxSearchWindow: CHECKPOINT_EVERY,
      checkpointInterval: 1,
      checkpointReached: (_, { commit }) => {
        if (recent.reached(commit)) this.#wake();
      },
    });
    const fromPosition = recent.end === BEGINNING ? 'start' : { commit: recent.end, prepare: recent.end };
    const subscription = client.subscribeToAll({ ...fromLeader, fromPosition, filter });
    subscription.on('data', (resolved: AllStreamResolvedEvent) => {
      const event = reader.recognised(resolved);
      if (event) {
        skipped = 0;
        recent.add(event);
        this.#wake();
      } else if (++skipped % CHECKPOINT_EVERY === 0 && recent.reached(positionOf(resolved))) this.#wake();
    });
    return subscription;
  }

  #wake(): void {
    this.#count++;
    for (const wake of this.#waiting) wake();
  }
}

class Strange extends Error {}

/** An outage is told of by the connection, and dropping a subscriber that lags is the server's everyday way: neither is worth a line here. */
function isStrange(error: unknown): boolean {
  return error instanceof Strange || !isPassing(error);
}

function isLost(error: unknown): boolean {
  return isOfType(error as Error, ErrorType.UNAVAILABLE) || (error as { code?: unknown }).code === 14;
}

/** Rejected when the subscription has ended, however it did. */
function failureOf(subscription: AllStreamSubscription): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    subscription.on('error', reject);
    subscription.on('end', () => reject(new Error('the live subscription ended')));
    subscription.on('close', () => reject(new Error('the live subscription was closed')));
  });
  failed.catch(() => {});
  return failed;
}

async function confirmationOf(subscription: AllStreamSubscription, signal: AbortSignal): Promise<void> {
  const confirmed = new Promise<true>((resolve) => subscription.once('confirmation', () => resolve(true)));
  const impatient = sleep(CONFIRM_WITHIN, false, { signal }).catch(() => false);
  if (!(await Promise.race([confirmed, impatient]))) throw new Error('the live subscription was not confirmed');
}
