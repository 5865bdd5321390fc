import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorType, type WrongExpectedVersionError } from '@eventstore/db-client';
import { DatabaseUnavailable } from '../../../platform/postgres/connection-failure.ts';
import {
  type Append,
  type Appended,
  type StoredEvent,
  StoreOverloaded,
  StoreRefused,
  StoreUnavailable,
  type WrappedKey,
  WrongExpectedRevision,
} from '../event-store.ts';
import { AppendQueue, type PendingAppend } from '../postgres/append-queue.ts';
import type { AppendAnswer } from './append-stream.ts';
import type { Connection } from './connection.ts';
import { denied, isDenied, isOfType, isPassing, reasonOf } from './failures.ts';
import type { LogReader } from './read-log.ts';

export interface LaneLimits {
  /** Appends on their way to the server at once. */
  inFlight: number;
  /** Appends that may wait behind those. */
  length: number;
  /** Milliseconds the first may have waited when another one comes. */
  age: number;
  /** Milliseconds for which an append is tried again or held back when the server is away. */
  patience: number;
}

export const laneLimits: LaneLimits = { inFlight: 512, length: 10_000, age: 2_000, patience: 5_000 };

export interface LaneOptions {
  connection: Connection;
  reader: LogReader;
  namespace: string;
  /** Keeps data keys; fulfilled when they are safe. */
  saveKeys: (keys: readonly WrappedKey[]) => Promise<void>;
  limits: LaneLimits;
}

/** A message of 16 MiB would end the call that all appends share; no server can be set to take one so large. */
const LARGEST_APPEND = 15 * 2 ** 20;
const EVENT_OVERHEAD = 150;

/**
 * The appends of this process: many at once, but of each stream one after the other, so that none is judged while the fate of the one
 * before it is unknown.
 */
export class AppendLane {
  readonly #options: LaneOptions;
  readonly #queue: AppendQueue;
  readonly #inFlight = new Set<Promise<void>>();
  #holding: Promise<void> | undefined;
  #closing = false;

  constructor(options: LaneOptions) {
    const { length, age } = options.limits;
    this.#options = options;
    this.#queue = new AppendQueue({ length, age, batchEvents: 1, batchBytes: Infinity });
  }

  /** @throws WrongExpectedRevision, StoreUnavailable, StoreOverloaded, and Error when the server refuses it for what it is */
  append(append: Append): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const { connection, limits } = this.#options;
      if (this.#closing || connection.awayFor > limits.patience) return reject(new StoreUnavailable('not_written'));
      if (this.#queue.isFullFor(append.stream))
        return reject(connection.reachable ? new StoreOverloaded() : new StoreUnavailable('not_written'));
      this.#queue.add(append, resolve, reject);
      this.#send();
    });
  }

  /** Waits until nothing is queued or under way any more. */
  async close(): Promise<void> {
    this.#closing = true;
    while (this.#inFlight.size > 0 || this.#holding) await Promise.all([...this.#inFlight, this.#holding]);
  }

  #send(): void {
    const { connection, limits } = this.#options;
    while (this.#inFlight.size < limits.inFlight) {
      if (!connection.reachable) {
        this.#holding ??= this.#holdOut();
        return;
      }
      const [pending] = this.#queue.takeBatch();
      if (!pending) return;
      const writing = this.#settle(pending);
      this.#inFlight.add(writing);
      void writing.then(() => {
        this.#inFlight.delete(writing);
        this.#queue.release([pending]);
        this.#send();
      });
    }
  }

  /** Sends nothing while the server is away, and lets those who wait for it go when that takes too long. */
  async #holdOut(): Promise<void> {
    const { connection, limits } = this.#options;
    const back = await connection.backWithin(limits.patience);
    this.#holding = undefined;
    if (back) this.#send();
    else for (const { reject } of this.#queue.drain()) reject(new StoreUnavailable('not_written'));
  }

  async #settle({ append, resolve, reject }: PendingAppend): Promise<void> {
    await this.#write(append).then(resolve, reject);
  }

  async #write(append: Append): Promise<Appended> {
    const { events, newKeys = [] } = append;
    const size = events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length + EVENT_OVERHEAD, 0);
    if (size > LARGEST_APPEND) throw tooLarge(append);
    if (newKeys.length > 0) await this.#keep(newKeys);
    try {
      return await this.#call(append);
    } catch (error) {
      if (!isPassing(error)) throw refused(append, error);
      return this.#findOut(append, error);
    }
  }

  async #keep(keys: readonly WrappedKey[]): Promise<void> {
    try {
      await this.#options.saveKeys(keys);
    } catch (error) {
      throw error instanceof DatabaseUnavailable ? new StoreUnavailable('not_written', error) : error;
    }
  }

  async #call(append: Append): Promise<Appended> {
    const { connection, namespace } = this.#options;
    const request = { ...append, stream: namespace + append.stream };
    const answer = await connection.ask((_, appends) => appends.append(request));
    return readAnswer(append, answer) ?? (await this.#recorded(append)) ?? Promise.reject(new Error('An acknowledged append is not there'));
  }

  /**
   * What became of an append whose answer did not come. It is looked for in the stream, and sent again when it is not there: on an exact
   * revision and with the same ids, it cannot be written twice, even when the first attempt is still on its way. @throws StoreUnavailable
   */
  async #findOut(append: Append, cause: unknown): Promise<Appended> {
    const { connection, limits } = this.#options;
    const giveUpAt = performance.now() + limits.patience;
    let last = cause;
    for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
      const left = giveUpAt - performance.now();
      if (left <= 0 || !(await connection.backWithin(left))) throw new StoreUnavailable('unknown', last);
      try {
        return (await this.#recorded(append)) ?? (await this.#call(append));
      } catch (error) {
        if (!isPassing(error)) throw refused(append, error);
        last = error;
      }
      await sleep(pause);
    }
  }

  /** Where the append stands in its stream, if all of it does. @throws StoreUnavailable */
  async #recorded({ stream, expectedRevision, events }: Append): Promise<Appended | undefined> {
    const from = expectedRevision === 'no_stream' ? 0 : expectedRevision + 1;
    const stored: StoredEvent[] = await this.#options.reader.stream(stream, { from, limit: events.length });
    const last = stored.at(-1);
    const isThere = stored.length === events.length && stored.every(({ id, revision }, n) => id === events[n]!.id && revision === from + n);
    return isThere && last ? { revision: last.revision, position: last.position } : undefined;
  }
}

/** @returns undefined when the answer does not say where the append stands. */
function readAnswer({ expectedRevision, events }: Append, { revision, position }: AppendAnswer): Appended | undefined {
  const expected = (expectedRevision === 'no_stream' ? -1 : expectedRevision) + events.length;
  return position !== undefined && revision === expected ? { revision, position } : undefined;
}

function refused(append: Append, error: unknown): Error {
  const { stream, expectedRevision } = append;
  if (isOfType(error, ErrorType.WRONG_EXPECTED_VERSION)) {
    const { actualVersion } = error as WrongExpectedVersionError;
    return new WrongExpectedRevision(stream, expectedRevision, actualVersion === 'no_stream' ? actualVersion : Number(actualVersion));
  }
  if (isOfType(error, ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED)) return tooLarge(append, error);
  if (isDenied(error)) return denied(`an append to ${stream}`, error);
  if (isOfType(error, ErrorType.STREAM_DELETED)) return new Error(`Stream ${stream} was deleted for good`, { cause: error });
  return new Error(`EventStoreDB refused an append to ${stream}: ${reasonOf(error)}`, { cause: error });
}

function tooLarge({ stream, events }: Append, cause?: unknown): StoreRefused {
  const what = `An append of ${events.length} events to ${stream} is larger than EventStoreDB is set to take`;
  return new StoreRefused(`${what}: raise MaxAppendSize of the server, which is 1 MiB unless it is set`, cause);
}
