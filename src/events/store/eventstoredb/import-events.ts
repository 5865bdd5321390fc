import { BEGINNING, type Position, type StoredEvent, StoreUnavailable } from '../event-store.ts';
import type { AppendRequest } from './append-stream.ts';
import { Connection } from './connection.ts';
import { isPassing, reasonOf } from './failures.ts';
import { ForeignEvents } from './foreign-events.ts';
import { type Names, namesIn } from './names.ts';
import { LogReader } from './read-log.ts';

/** The events do not stand in the order in which they were sent. The log is to be emptied, and the import to begin anew. */
export class OutOfOrder extends Error {
  override name = 'OutOfOrder';
}

export interface ImportOptions {
  url: string;
  log: (line: string) => void;
  /** Which streams and events are the log's, as in the store that is to read them. */
  names?: Names;
  /** Put before the names of all streams instead. */
  namespace?: string;
  /** Appends on their way at once. */
  inFlight?: number;
  /** Milliseconds for which a server that is away is waited for. */
  patience?: number;
}

/** An answer that does not show where the append stands in the log: that is then looked up. */
class Unclear extends Error {
  override name = 'Unclear';
}

const IN_FLIGHT = 256;
const PATIENCE = 60_000;
const ANSWER_WITHIN = 10_000;
const APPEND_EVENTS = 500;
/** The server takes a mebibyte at once, with what it adds to each event. */
const APPEND_BYTES = 2 ** 19;

/**
 * Writes events with the revisions they have, in just the order they come in: for a log that nobody else appends to. Many appends are on
 * their way at once, over one call, whose messages the server takes one by one; that they came into the log in that order is looked at by
 * the positions it answers with. When an answer is missing, the log itself is read for how far it got, and what is not there is sent again.
 */
export class LogImport {
  readonly #connection: Connection;
  readonly #reader: LogReader;
  readonly #namespace: string;
  readonly #inFlight: number;
  readonly #patience: number;
  /** Up to here the log is as it should be. Unknown before the first write. */
  #reached: Position | undefined;

  constructor({ url, log, namespace = '', names = namesIn(namespace), inFlight = IN_FLIGHT, patience = PATIENCE }: ImportOptions) {
    this.#connection = new Connection({ url, answerWithin: ANSWER_WITHIN, log });
    this.#reader = new LogReader({ connection: this.#connection, names, foreign: new ForeignEvents(log) });
    this.#namespace = names.namespace;
    this.#inFlight = inFlight;
    this.#patience = patience;
  }

  /** @throws OutOfOrder, StoreUnavailable when the server was away for too long, and Error when it refuses an event */
  async write(events: readonly StoredEvent[]): Promise<void> {
    this.#reached ??= await this.#reader.head();
    let giveUpAt = performance.now() + this.#patience;
    for (let rest = events; rest.length > 0; ) {
      const failure = await this.#send(rest);
      if (failure === undefined) return;
      const written = await this.#whatIsThere(rest, failure, giveUpAt);
      if (written > 0) giveUpAt = performance.now() + this.#patience;
      rest = rest.slice(written);
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** @returns why not all of them are known to stand where they should */
  async #send(events: readonly StoredEvent[]): Promise<unknown> {
    const underWay: Promise<Position | undefined>[] = [];
    const settleFirst = async () => this.#moveTo(await underWay.shift());
    const begun = this.#reached;
    try {
      for (const run of runs(events)) {
        if (underWay.length === this.#inFlight) await settleFirst();
        const sent = this.#append(run);
        // It is waited for in its turn.
        sent.catch(() => {});
        underWay.push(sent);
      }
      while (underWay.length > 0) await settleFirst();
      return undefined;
    } catch (error) {
      await Promise.allSettled(underWay);
      this.#reached = begun;
      return error;
    }
  }

  async #append(run: readonly StoredEvent[]): Promise<Position | undefined> {
    const { stream, revision } = run[0]!;
    const request: AppendRequest = {
      stream: this.#namespace + stream,
      expectedRevision: revision === 0 ? 'no_stream' : revision - 1,
      events: run,
    };
    return (await this.#connection.ask((_, appends) => appends.append(request))).position;
  }

  #moveTo(position: Position | undefined): void {
    if (position === undefined || position <= this.#reached!) throw new Unclear(`the server answered with position ${position}`);
    this.#reached = position;
  }

  /** How many of the events stand in the log already, the first of them first. */
  async #whatIsThere(events: readonly StoredEvent[], failure: unknown, giveUpAt: number): Promise<number> {
    for (;;) {
      const left = giveUpAt - performance.now();
      if (left <= 0 || !(await this.#connection.backWithin(left))) throw new StoreUnavailable('unknown', failure);
      const there = await this.#reader.all(this.#reached ?? BEGINNING, events.length).catch((error) => {
        if (error instanceof StoreUnavailable) return undefined;
        throw error;
      });
      if (there === undefined) continue;
      there.forEach((found, n) => {
        const sent = events[n]!;
        if (found.id !== sent.id || found.stream !== sent.stream || found.revision !== sent.revision) throw outOfOrder(found, sent);
      });
      this.#reached = there.at(-1)?.position ?? this.#reached;
      if (there.length === 0 && !(failure instanceof Unclear) && !isPassing(failure))
        throw new Error(`EventStoreDB refused an event: ${reasonOf(failure)}`, { cause: failure });
      return there.length;
    }
  }
}

function outOfOrder(found: StoredEvent, sent: StoredEvent): OutOfOrder {
  const place = ({ stream, revision }: StoredEvent) => `revision ${revision} of ${stream}`;
  return new OutOfOrder(
    `EventStoreDB has ${place(found)} where ${place(sent)} was to be: it has put events into another order, or somebody else writes to it. ` +
      'Empty it, and begin again, with one append in flight.',
  );
}

/** Neighbours with neighbouring revisions of one stream, few and small enough for one append. */
function* runs(events: readonly StoredEvent[]): Generator<StoredEvent[]> {
  let run: StoredEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = event.metadata.length + event.data.length;
    const last = run.at(-1);
    const goesOn = last && last.stream === event.stream && last.revision + 1 === event.revision;
    if (run.length > 0 && (!goesOn || run.length === APPEND_EVENTS || bytes + size > APPEND_BYTES)) {
      yield run;
      run = [];
      bytes = 0;
    }
    run.push(event);
    bytes += size;
  }
  if (run.length > 0) yield run;
}
