import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { KeyVault } from '../../events/keys/key-vault.ts';
import type { EventStore, Position } from '../../events/store/event-store.ts';
import type { Logger } from '../../platform/logging.ts';
import { tryWriterLock, type WriterLock } from '../../platform/postgres/writer-lock.ts';
import type { Subscriber } from '../subscriber.ts';
import { ActiveSubscriber, describe } from './active-subscriber.ts';
import { prepareCheckpoint, SubscriberMisplaced, takeOver } from './checkpoint.ts';
import { withLooks } from './looks.ts';
import { blameUnfinished } from './parked.ts';
import { type Timing, usualTiming } from './timing.ts';

export interface SubscriberStatus {
  /**
   * `standby`: another instance is the active one, or this one is not yet. `unreachable`: what it sends to is not there, and it waits.
   * `stopped`: its checkpoint is not of this log, and somebody has to say where it goes on.
   */
  state: 'standby' | 'catching_up' | 'live' | 'unreachable' | 'stopped';
  /** As far as this instance knows: its own while it is active. */
  position: Position | null;
  error: string | null;
  /** When the loop last did something, or found nothing to do. */
  heartbeat: Date;
}

export interface SubscriberParts {
  connectionString: string;
  pool: pg.Pool;
  store: EventStore;
  vault: KeyVault;
  log: Logger;
  timing?: Partial<Timing>;
  /** So many events were handled by this instance. */
  onHandled?(events: number): void;
  /** Behind the last event put aside, or when one was. */
  onPutAside?(): void;
}

/** A subscriber, followed by this instance or another. */
export interface RunningSubscriber {
  readonly name: string;
  status(): SubscriberStatus;
  /** Something that was put aside may be handled now. */
  wake(): void;
  /** Lets what is being handled end, as far as it heeds its signal. */
  stop(): Promise<void>;
}

/**
 * Follows the log for a subscriber, while this instance is the one that may. From when this has returned, every event appended is for it.
 * @throws StoreUnavailable, and what the database throws
 */
export async function startSubscriber(subscriber: Subscriber, parts: SubscriberParts): Promise<RunningSubscriber> {
  await prepareCheckpoint(parts.pool, subscriber, parts.store);
  const stopping = new AbortController();
  const status: SubscriberStatus = { state: 'standby', position: null, error: null, heartbeat: new Date() };
  const running = new Running(subscriber, { ...parts, timing: { ...usualTiming, ...parts.timing } }, status, stopping.signal);
  const ended = running.run();
  return {
    name: subscriber.name,
    status: () => ({ ...status }),
    wake: () => running.wake(),
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

class Running {
  readonly #subscriber: Subscriber;
  readonly #parts: SubscriberParts & { timing: Timing };
  readonly #status: SubscriberStatus;
  readonly #stop: AbortSignal;
  wake = () => {};

  constructor(subscriber: Subscriber, parts: SubscriberParts & { timing: Timing }, status: SubscriberStatus, stop: AbortSignal) {
    this.#subscriber = subscriber;
    this.#parts = parts;
    this.#status = status;
    this.#stop = stop;
  }

  async run(): Promise<void> {
    const { lockRetry, shortestPause, longestPause } = this.#parts.timing;
    for (let failures = 0; !this.#stop.aborted; ) {
      let lock: WriterLock | null = null;
      try {
        this.#status.heartbeat = new Date();
        lock = await tryWriterLock(this.#parts.connectionString, `subscriber ${this.#subscriber.name}`);
        if (lock === null) await this.#standBy(lockRetry);
        else await this.#follow(AbortSignal.any([this.#stop, lock.lost]), () => (failures = 0));
      } catch (error) {
        if (this.#stop.aborted) return;
        this.#tell(error);
        await pause(Math.min(shortestPause * 2 ** failures++, longestPause), undefined, { signal: this.#stop }).catch(() => {});
      } finally {
        await lock?.release();
      }
    }
  }

  async #standBy(milliseconds: number): Promise<void> {
    Object.assign(this.#status, { state: 'standby', error: null });
    await pause(milliseconds, undefined, { signal: this.#stop }).catch(() => {});
  }

  async #follow(signal: AbortSignal, onHandled: () => void): Promise<void> {
    const { store, vault, timing, log } = this.#parts;
    const { name } = this.#subscriber;
    const client = await this.#connect();
    try {
      const checkpoint = await takeOver(client, name, store);
      await blameUnfinished(client, name);
      Object.assign(this.#status, { state: 'catching_up', position: checkpoint.position, error: null });
      log.info({ subscriber: name }, `the subscriber ${name} goes on from position ${checkpoint.position}`);
      const active = new ActiveSubscriber(this.#subscriber, { store, vault, timing, client, signal, ...this.#reports() }, checkpoint);
      const batches = withLooks(store.subscribe({ after: checkpoint.position, signal }), timing.lookEvery);
      this.wake = batches.wake;
      for await (const batch of batches) {
        this.#status.heartbeat = new Date();
        if (batch === undefined) await active.handleParked();
        else {
          await active.handle(batch);
          onHandled();
          this.#status.position = active.position;
          this.#status.state = batch.caughtUp || this.#status.state === 'live' ? 'live' : 'catching_up';
          if (batch.caughtUp && batch.events.length > 0) await pause(timing.rest, undefined, { signal }).catch(() => {});
        }
      }
    } finally {
      this.wake = () => {};
      await client.end().catch(() => {});
    }
  }

  #reports() {
    const { log, onHandled, onPutAside } = this.#parts;
    const { name } = this.#subscriber;
    let before: SubscriberStatus['state'] = 'catching_up';
    return {
      onHandled: (events: number) => onHandled?.(events),
      onPutAside: ({ type, stream, revision }: { type: string; stream: string; revision: number }, error: string) => {
        onPutAside?.();
        const facts = { subscriber: name, stream, revision, type, reason: error };
        log.error(facts, `an event could not be handled by ${name} and is put aside, with what comes behind it in its stream`);
      },
      onUnreachable: (error: string | null) => {
        this.#status.heartbeat = new Date();
        const was = this.#status.state;
        if (error === null) {
          if (was !== 'unreachable') return;
          Object.assign(this.#status, { state: before, error: null });
          return log.info({ subscriber: name }, `what ${name} sends to is there again`);
        }
        if (was !== 'unreachable') {
          before = was;
          log.warn({ subscriber: name, reason: error }, `what ${name} sends to is not there; it is tried again`);
        }
        Object.assign(this.#status, { state: 'unreachable', error });
      },
    };
  }

  #tell(error: unknown): void {
    const message = describe(error);
    const isNews = this.#status.error !== message;
    const state = error instanceof SubscriberMisplaced ? 'stopped' : 'standby';
    Object.assign(this.#status, { state, error: message });
    const { name } = this.#subscriber;
    if (isNews) this.#parts.log.error({ subscriber: name, error }, `the subscriber ${name} does not go on: ${message}`);
  }

  /** A connection that the server ends when this process is frozen in the middle of a transaction, so that its locks hold nobody. */
  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#parts.connectionString,
      application_name: `tasktrail subscriber ${this.#subscriber.name}`,
      connectionTimeoutMillis: 5_000,
    });
    client.on('error', () => {});
    await client.connect();
    await client.query(`set timezone = 'UTC'; set idle_in_transaction_session_timeout = 6000`);
    return client;
  }
}
