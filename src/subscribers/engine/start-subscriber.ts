import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { KeyVault } from '../../events/keys/key-vault.ts';
import type { EventStore, Position } from '../../events/store/event-store.ts';
import type { Logger } from '../../platform/logging.ts';
import { tryWriterLock, type WriterLock } from '../../platform/postgres/writer-lock.ts';
import { Refused, type Subscriber, TargetChanged, TargetLost, type Unreachable } from '../subscriber.ts';
import { ActiveSubscriber } from './active-subscriber.ts';
import { type Checkpoint, findTakeover, Moved, moveCheckpoint, prepareCheckpoint, SubscriberMisplaced, takeOver } from './checkpoint.ts';
import { describe } from './failures.ts';
import { withLooks } from './looks.ts';
import { blameUnfinished } from './parked.ts';
import { type Timing, usualTiming } from './timing.ts';

export const subscriberStates = ['standby', 'catching_up', 'live', 'unreachable', 'refused', 'stopped'] as const;
export type SubscriberState = (typeof subscriberStates)[number];

export interface SubscriberStatus {
  /**
   * `standby`: another instance is the active one, or this one is not yet. `unreachable`: something that it needs is not there, and it
   * waits. `refused`: what it sends to is there and refuses it, as for a wrong password; it tries again, but waiting does not heal that.
   * `stopped`: its checkpoint is not of this log or not of this target, and an operator has to say where it goes on.
   */
  state: SubscriberState;
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
        else await this.#follow(lock, () => (failures = 0));
      } catch (error) {
        if (this.#stop.aborted) return;
        if (error instanceof Moved) {
          this.#sayMoved(error);
          continue;
        }
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

  /** @throws Moved, Fenced, LockLost; what is said of the other parts */
  async #follow({ lost }: WriterLock, onHandled: () => void): Promise<void> {
    const { name } = this.#subscriber;
    const takeover = new AbortController();
    const client = await this.#connect();
    let stopWatching = () => {};
    try {
      const checkpoint = await takeOver(client, name, this.#parts.store);
      await blameUnfinished(client, name);
      stopWatching = this.#watchTakeover(checkpoint, takeover);
      try {
        await this.#handleAll(client, checkpoint, AbortSignal.any([this.#stop, lost, takeover.signal]), onHandled);
        lost.throwIfAborted();
        takeover.signal.throwIfAborted();
      } catch (error) {
        throw await this.#reasonOf(error, { client, checkpoint, lost });
      }
    } finally {
      stopWatching();
      this.wake = () => {};
      await client.end().catch(() => {});
    }
  }

  async #handleAll(
    client: pg.Client,
    checkpoint: Awaited<ReturnType<typeof takeOver>>,
    signal: AbortSignal,
    onHandled: () => void,
  ): Promise<void> {
    const { store, vault, timing, log } = this.#parts;
    const { name } = this.#subscriber;
    Object.assign(this.#status, { state: 'catching_up', position: checkpoint.position, error: null });
    log.info({ subscriber: name }, `the subscriber ${name} goes on from position ${checkpoint.position}`);
    const active = new ActiveSubscriber(this.#subscriber, { store, vault, timing, client, signal, ...this.#reports() }, checkpoint);
    await active.check();
    let checkedAt = performance.now();
    const failed = new AbortController();
    const source = store.subscribe({ after: checkpoint.position, signal: AbortSignal.any([signal, failed.signal]) });
    const batches = withLooks(source, timing.lookEvery);
    this.wake = batches.wake;
    for await (const batch of batches) {
      this.#status.heartbeat = new Date();
      try {
        if (batch !== undefined) {
          await active.handle(batch);
          onHandled();
          this.#status.position = active.position;
          this.#status.state = batch.caughtUp || this.#status.state === 'live' ? 'live' : 'catching_up';
        } else {
          await active.handleParked();
          if (performance.now() - checkedAt < timing.checkEvery) continue;
          await active.check();
          checkedAt = performance.now();
        }
      } catch (error) {
        // On a quiet log the source would end only with its next event.
        failed.abort();
        throw error;
      }
      if (batch?.caughtUp && batch.events.length > 0) await pause(timing.rest, undefined, { signal }).catch(() => {});
    }
  }

  /** Ends what is under way within a moment of a takeover or a move, however long an attempt would take. */
  #watchTakeover(checkpoint: Checkpoint, takeover: AbortController): () => void {
    const { pool, timing } = this.#parts;
    let isAsking = false;
    const timer = setInterval(async () => {
      if (isAsking) return;
      isAsking = true;
      const found = await findTakeover(pool, this.#subscriber.name, checkpoint).catch(() => null);
      isAsking = false;
      if (found !== null) takeover.abort(found);
    }, timing.lookEvery);
    return () => clearInterval(timer);
  }

  /** Why following ended: an abort and a fenced write say little of themselves. */
  async #reasonOf(error: unknown, { client, checkpoint, lost }: { client: pg.Client; checkpoint: Checkpoint; lost: AbortSignal }) {
    if (this.#stop.aborted) return error;
    const { name } = this.#subscriber;
    if (error instanceof TargetLost) {
      const { position, message } = error;
      this.#parts.log.warn({ subscriber: name, position: position.toString() }, message);
      const move = { position, logId: this.#parts.store.logId, by: 'its subscriber' };
      if (await moveCheckpoint(client, name, move, checkpoint)) return new Moved(name, move);
    }
    const takeover = await findTakeover(this.#parts.pool, name, checkpoint).catch(() => null);
    return takeover ?? (lost.aborted ? lost.reason : error);
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
      onUnreachable: (error: Unreachable | null) => {
        this.#status.heartbeat = new Date();
        const { state: was, error: said } = this.#status;
        const isWaiting = was === 'unreachable' || was === 'refused';
        if (!isWaiting) before = was;
        if (error === null) {
          if (!isWaiting) return;
          Object.assign(this.#status, { state: before, error: null });
          return log.info({ subscriber: name }, `${name} goes on: what it waited for is there again`);
        }
        const state = error instanceof Refused ? 'refused' : 'unreachable';
        const facts = { subscriber: name, reason: error.message };
        if (state === 'refused' && (was !== state || said !== error.message))
          log.error(facts, `${name} is refused by ${error.part}, and waiting does not heal that: ${error.message}`);
        else if (!isWaiting) log.warn(facts, `${name} waits for ${error.part}, and tries again`);
        Object.assign(this.#status, { state, error: error.message });
      },
    };
  }

  #sayMoved(moved: Moved): void {
    Object.assign(this.#status, { state: 'standby', error: null });
    this.#parts.log.info({ subscriber: this.#subscriber.name }, moved.message);
  }

  #tell(error: unknown): void {
    const message = describe(error);
    const isNews = this.#status.error !== message;
    const isStopped = error instanceof SubscriberMisplaced || error instanceof TargetChanged;
    Object.assign(this.#status, { state: isStopped ? 'stopped' : 'standby', error: message });
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
