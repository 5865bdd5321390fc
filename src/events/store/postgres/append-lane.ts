import { setTimeout as sleep } from 'node:timers/promises';
import { type Append, type Appended, type Position, StoreOverloaded, StoreUnavailable } from '../event-store.ts';
import { AppendConnection, NotConnected } from './append-connection.ts';
import { AppendQueue, type PendingAppend, type QueueLimits } from './append-queue.ts';
import { type BatchAnswer, encodeBatch, readAnswer } from './batch.ts';
import { failureOf } from './failures.ts';

export interface LaneOptions {
  connectionString: string;
  limits: QueueLimits;
  /** Milliseconds to wait for the answer to a batch. */
  answerWithin: number;
  /** Milliseconds, from the first failure on, within which a batch is tried again. */
  patience: number;
  log: (line: string) => void;
  /** Told of each batch that was written as it stands, right behind this position: before the callers are. */
  onBatch: (head: Position, appends: readonly Append[]) => void;
  /** Called after each batch that wrote something. */
  onWritten: () => void;
}

type Outcome = Appended | Error;

/**
 * Group commit: the appends that wait in this process go to the database together, and the next batch leaves when the last has
 * returned. There is no timer; under load the batches grow by themselves.
 */
export class AppendLane {
  readonly #connection: AppendConnection;
  readonly #queue: AppendQueue;
  readonly #options: LaneOptions;
  #running: Promise<void> | undefined;
  #closing = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#queue = new AppendQueue(options.limits);
    this.#connection = new AppendConnection(options.connectionString, options.answerWithin);
  }

  /** @throws WrongExpectedRevision, StoreUnavailable, StoreOverloaded */
  append(append: Append): Promise<Appended> {
    return new Promise((resolve, reject) => {
      if (this.#closing) return reject(new StoreUnavailable('not_written'));
      if (this.#queue.isFullFor(append.stream))
        return reject(this.#connection.connected ? new StoreOverloaded() : new StoreUnavailable('not_written'));
      this.#queue.add(append, resolve, reject);
      this.#running ??= this.#run();
    });
  }

  /** Waits until nothing is queued any more. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#running;
    await this.#connection.close();
  }

  async #run(): Promise<void> {
    // All that arrives in the same turn of the event loop goes together.
    await new Promise(setImmediate);
    let writing = this.#begin();
    while (writing) {
      const { batch, outcomes } = writing;
      const settled = await outcomes;
      this.#queue.release(batch);
      // The database is set to work again before the callers are.
      writing = this.#begin();
      if (!writing) this.#running = undefined;
      this.#settle(batch, settled);
    }
  }

  #begin(): { batch: PendingAppend[]; outcomes: Promise<Outcome[]> } | undefined {
    const batch = this.#queue.takeBatch();
    return batch.length === 0 ? undefined : { batch, outcomes: this.#write(batch.map(({ append }) => append)) };
  }

  #settle(batch: readonly PendingAppend[], outcomes: readonly Outcome[]): void {
    let written = false;
    batch.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index]!;
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
      written ||= !(outcome instanceof Error);
    });
    if (written) this.#options.onWritten();
  }

  /** Never fails as a whole: what the database refuses is halved until one append stands alone. */
  async #write(appends: readonly Append[]): Promise<Outcome[]> {
    try {
      const answer = await this.#call(encodeBatch(appends));
      if (answer.positions === null) this.#options.onBatch(BigInt(answer.head), appends);
      return readAnswer(appends, answer);
    } catch (error) {
      if (error instanceof StoreUnavailable) return appends.map(() => new StoreUnavailable(error.outcome, error.cause));
      if (appends.length === 1) return [new Error(`The event log refused an append to ${appends[0]?.stream}`, { cause: error })];
      const middle = appends.length >> 1;
      return [...(await this.#write(appends.slice(0, middle))), ...(await this.#write(appends.slice(middle)))];
    }
  }

  /**
   * Makes the call until there is an answer or patience ends. A batch that was written although its answer was lost is recognised by the
   * database when the same bytes come again. @throws StoreUnavailable, or the database's refusal
   */
  async #call(values: unknown[]): Promise<BatchAnswer> {
    const { answerWithin, patience, log } = this.#options;
    let outcome: StoreUnavailable['outcome'] = 'not_written';
    let giveUpAt = Infinity;
    for (let delay = 25; ; delay = Math.min(delay * 2, 500)) {
      try {
        return await this.#connection.append(values, Math.min(answerWithin, Math.max(giveUpAt - performance.now(), 1_000)));
      } catch (error) {
        const failure = error instanceof NotConnected ? 'not_written' : failureOf(error);
        if (failure === 'refused') throw error;
        this.#connection.reset();
        if (failure === 'unknown') outcome = 'unknown';
        if (giveUpAt === Infinity) {
          giveUpAt = performance.now() + patience;
          log(`event log: an append failed and is tried again: ${reason(error)}`);
        }
        if (performance.now() + delay > giveUpAt) {
          this.#abandonQueue(error);
          throw new StoreUnavailable(outcome, error);
        }
      }
      await sleep(delay);
    }
  }

  /** Those who wait behind a batch that could not be written need not be patient one after the other. */
  #abandonQueue(cause: unknown): void {
    for (const { reject } of this.#queue.drain()) reject(new StoreUnavailable('not_written', cause));
  }
}

function reason(error: unknown): string {
  const cause = error instanceof NotConnected ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
