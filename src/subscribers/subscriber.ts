import type pg from 'pg';
import type { RecordedEvent } from '../events/recorded-event.ts';

/**
 * What follows the log of events and does something outside of it: in global order, from a checkpoint of its own, by one instance at a time.
 * An event that it cannot handle is tried again, and then put aside with the later ones of the same stream; others go on.
 */
export interface Subscriber {
  /** Of its checkpoint, its dead letters, its metrics and its health. Never changed once shipped. */
  readonly name: string;
  /** Where it begins when it is there for the first time: nobody is to be told of what was long ago, unless it keeps a copy of everything. */
  readonly startsAt: 'beginning' | 'head';
  /**
   * Sends events to somebody else, before the checkpoint is moved behind them: at least once, again after a crash between the two.
   * @throws Unreachable while the other side is not there: it is tried again for ever and nothing is put aside; anything else is the fault
   * of one of the events
   */
  send?(events: readonly RecordedEvent[], signal: AbortSignal): Promise<void>;
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
}
