/**
 * The port behind which every event store stands. Streams are appended to on an exact revision; all events together have one global
 * order. Bodies are opaque bytes: the codec made them, and a store gives them back as they came.
 */

/** A place in the global order. Only its order means anything: compare it, never compute with it. A decimal string outside this process. */
export type Position = bigint;

/** Before the first event of every log. */
export const BEGINNING: Position = 0n;

/** What a stream must look like for an append to be right: its last event's revision (0 is the first), or that it has none. */
export type ExpectedRevision = number | 'no_stream';

export interface EncodedEvent {
  /** A lower-case UUID, derived from the command, so that a repeated append is recognised. */
  id: string;
  /** The stored name, of letters only. */
  type: string;
  metadata: Buffer;
  data: Buffer;
}

export interface StoredEvent extends EncodedEvent {
  stream: string;
  revision: number;
  position: Position;
}

/** A data key, wrapped by the master key: what the key vault keeps. */
export interface WrappedKey {
  id: string;
  /** Whose text it seals: the name of a task's or a user's stream. */
  subject: string;
  wrapped: Buffer;
}

export interface Append {
  /** Letters, digits, `-`, `_`, `.` and `:`; at most 200 of them. */
  stream: string;
  expectedRevision: ExpectedRevision;
  events: readonly EncodedEvent[];
  /** Data keys that these events are the first to be sealed with: kept no later than the events, with them where the store can. */
  newKeys?: readonly WrappedKey[];
}

/** Where the last event of an append stands. */
export interface Appended {
  revision: number;
  position: Position;
}

export interface ReadStream {
  /** The first revision to read: 0 forwards, the last one backwards, when left out. */
  from?: number;
  direction?: 'forwards' | 'backwards';
  /** At most so many events; all when left out. */
  limit?: number;
  /** Whether events of other applications that stand in the stream are among them, for those who verify it. */
  foreign?: boolean;
}

/** A stream that was deleted or cut short in the store, past this service. */
export interface MissingStream {
  stream: string;
  /** Of what did it. */
  position: Position;
  /** For people, behind the name of the stream. */
  how: string;
}

/** What is in the store besides the log, or no longer in it. */
export interface Incidents {
  /** Events of other applications that the readers of this process came upon, and skipped. */
  foreignEvents: number;
  missingStreams: readonly MissingStream[];
}

/** Where an event stands, as it was handed out. */
export interface Place {
  stream: string;
  revision: number;
  position: Position;
}

/** A piece of the global order as a subscriber gets it. */
export interface SubscriptionBatch {
  /** In global order, and contiguous with the batch before; empty when only `position` or `caughtUp` is news. */
  events: StoredEvent[];
  /** Everything up to here has been handed over: a subscriber that has handled this batch goes on from here. */
  position: Position;
  /** Nothing newer was in the log when this batch was read. */
  caughtUp: boolean;
}

export interface EventStore {
  /** The identity of this log: a UUID made with it, that a backup carries along. */
  readonly logId: string;
  /**
   * Appends all events or none. Appending the same ids again on the same expected revision is a success that changes nothing.
   * An empty append answers where the stream stands, if that is as expected.
   * @throws WrongExpectedRevision, StoreUnavailable, StoreOverloaded
   */
  append(append: Append): Promise<Appended>;
  /** The events of a stream from a revision on; none for a stream that does not exist, or not any more. @throws StoreUnavailable */
  readStream(stream: string, options?: ReadStream): Promise<StoredEvent[]>;
  /** The events that stand at these places, in global order. @throws StoreUnavailable */
  readEvents(places: readonly Place[]): Promise<StoredEvent[]>;
  /**
   * The next events of the global order after a position that this log has given out, or BEGINNING; fewer than `limit` only at the end.
   * @throws StoreUnavailable, and UnknownPosition where the store can read only from positions it has given out
   */
  readAll(options: { after: Position; limit: number }): Promise<StoredEvent[]>;
  /**
   * Every event after a position: those there are, then those to come. Survives a lost connection by itself, and ends only by the
   * signal (it then just ends) or by an error that no retry can heal. Reads ahead of its consumer by a bounded amount.
   */
  subscribe(options: { after: Position; signal: AbortSignal }): AsyncIterable<SubscriptionBatch>;
  /** The position of the last event of this service. @throws StoreUnavailable */
  head(): Promise<Position>;
  /** Where the log ends, behind the last event of anybody. Never before a position that was handed over. @throws StoreUnavailable */
  end(): Promise<Position>;
  /** The identity that the log has now: another one than `logId`, or undefined, once it was replaced. @throws StoreUnavailable */
  currentLogId(): Promise<string | undefined>;
  /** What others did in the store. @throws StoreUnavailable */
  incidents(): Promise<Incidents>;
  /** Lets appends in hand finish, then releases every connection. */
  close(): Promise<void>;
}

/** What is needed to tell whether the log is still the one that it was. */
export type LogView = Pick<EventStore, 'currentLogId' | 'end' | 'readStream'>;

/** The stream is not where the append expected it to be. Nothing was written. */
export class WrongExpectedRevision extends Error {
  override name = 'WrongExpectedRevision';
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly actual: ExpectedRevision;
  constructor(stream: string, expected: ExpectedRevision, actual: ExpectedRevision) {
    super(`Stream ${stream} is at ${actual}, not at ${expected}`);
    this.stream = stream;
    this.expected = expected;
    this.actual = actual;
  }
}

/** The store cannot be reached. `unknown`: an append may have been written all the same, and is to be looked up by its ids. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
  readonly outcome: 'not_written' | 'unknown';
  constructor(outcome: 'not_written' | 'unknown', cause?: unknown) {
    super(`The event store is unavailable (outcome: ${outcome})`, { cause });
    this.outcome = outcome;
  }
}

/**
 * The store answers, and refuses what another setting of it or of this service would let pass: its own limit, or the credentials. The message
 * says which, for operators. Nothing was written.
 */
export class StoreRefused extends StoreUnavailable {
  override name = 'StoreRefused';
  constructor(reason: string, cause?: unknown) {
    super('not_written', cause);
    this.message = reason;
  }
}

/** There is nothing to read from at this position: this log never gave it out. */
export class UnknownPosition extends Error {
  override name = 'UnknownPosition';
  constructor(position: Position) {
    super(`The event log has no position ${position}`);
  }
}

/** More appends are waiting than can be written in time. Nothing was written. */
export class StoreOverloaded extends Error {
  override name = 'StoreOverloaded';
}

export function formatPosition(position: Position): string {
  return position.toString();
}

/** @returns undefined when the text is no position. */
export function parsePosition(text: string): Position | undefined {
  return /^\d{1,30}$/.test(text) ? BigInt(text) : undefined;
}
