import type pg from 'pg';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { Position } from '../events/store/event-store.ts';

/**
 * What follows the log of events and does something outside of it: in global order, from a checkpoint of its own, by one instance at a time.
 * An event that it cannot handle is tried again, and then put aside with the later ones of the same stream; others go on.
 */
export interface Subscriber {
  /** Of its checkpoint, its dead letters, its metrics and its health. Never changed once shipped. */
  readonly name: string;
  /** Where it begins when it is there for the first time: nobody is to be told of what was long ago, unless it keeps a copy of everything. */
  readonly startsAt: 'beginning' | 'head';
  /** At most so many events are handled before the checkpoint is moved behind them: so many come again after a failure. No bound if absent. */
  readonly maxPageSize?: number;
  /**
   * Finds out whether what is sent to is still what it was: asked before the first event, and from time to time. Throws as `send` does.
   */
  check?(signal: AbortSignal): Promise<void>;
  /**
   * Sends events to another system, before the checkpoint is moved behind them: at least once, again after a crash between the two.
   * @returns how many were sent, from the first one on, if not all
   * @throws Unreachable while the other side is not there: it is tried again for ever and nothing is put aside; TargetLost; TargetChanged;
   * anything else is the fault of one of the events
   */
  send?(events: readonly RecordedEvent[], signal: AbortSignal): Promise<void> | Promise<number>;
  /** Reads what `write` needs of these events, before its transaction begins: a long read must not keep a transaction open. Throws as `send` does. */
  prepare?(events: readonly RecordedEvent[]): Promise<void>;
  /** Writes rows about events, in the transaction that moves the checkpoint: exactly once. Throws as `send` does. */
  write?(events: readonly RecordedEvent[], client: pg.ClientBase): Promise<void>;
  /** Called after a transaction with rows of `write` was committed. */
  written?(): void;
}

/** What a subscriber needs is not there at present; no event is at fault. */
export class Unreachable extends Error {
  override name = 'Unreachable';
  /** What is waited for, as the log names it. */
  readonly part: string;
  constructor(message: string, { part = 'what it sends to', ...options }: ErrorOptions & { part?: string } = {}) {
    super(message, options);
    this.part = part;
  }
}

/** The other side is there and refuses the subscriber, as for a wrong password: waiting does not heal it, and no event is at fault. */
export class Refused extends Unreachable {
  override name = 'Refused';
}

/** What is sent to holds other events than the checkpoint says: the subscriber goes on from another position. */
export class TargetLost extends Error {
  override name = 'TargetLost';
  /** It goes on behind this one. */
  readonly position: Position;
  constructor(message: string, position: Position) {
    super(message);
    this.position = position;
  }
}

/** What is sent to is not what it was, and an operator has to say where the subscriber goes on. */
export class TargetChanged extends Error {
  override name = 'TargetChanged';
}
