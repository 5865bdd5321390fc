import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStoreDBClient, ResolvedEvent, StreamingRead } from '@eventstore/db-client';
import { StoreUnavailable } from '../event-store.ts';
import type { AppendStream } from './append-stream.ts';
import { isPassing, reasonOf, Unanswered } from './failures.ts';
import { type Line, openLine, releaseLine } from './line.ts';
import { Watch, type Watched } from './watch.ts';

export type Client = EventStoreDBClient;

type Open = (client: Client) => StreamingRead<ResolvedEvent>;

export interface ConnectionOptions {
  url: string;
  /** Milliseconds without a sign of life after which a call is given up and the connection replaced. */
  answerWithin: number;
  log: (line: string) => void;
  /**
   * Asked when the server answers again after an outage, before anything else is: whether the service may go on, for the server may have
   * come back with another log. Nothing is read or sent until it answers true. @param reading the connection, which reads even now
   */
  mayGoOn?: (reading: Pick<Connection, 'read'>) => Promise<boolean>;
}

interface ReadOptions {
  /** Asks the server even while it is taken for lost. */
  evenWhenAway?: boolean;
  /** Milliseconds without a sign of life after which the call is given up: those of the connection when left out. */
  timeoutMs?: number;
}

interface Outage {
  since: number;
  cause: unknown;
  over: PromiseWithResolvers<void>;
}

const LONGEST_PAUSE = 1_000;
/** Milliseconds for which a call waits for a server that was lost just now. */
const GRACE_MS = 400;

/** In a cluster, answers must be the leader's: a follower may not know yet what was acknowledged. */
export const fromLeader = { requiresLeader: true } as const;

/** The store's client. Knows whether the server can be reached, and replaces a client that gets no answers. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #watch = new Watch();
  readonly #closing = new AbortController();
  #line: Promise<Line>;
  #current: Line;
  #outage: Outage | undefined;
  #hasAnswered = false;

  /** Does not wait for the server. @throws Error when the connection string is not well formed */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#current = openLine(options.url);
    this.#line = Promise.resolve(this.#current);
  }

  /** As far as is known. */
  get reachable(): boolean {
    return this.#outage === undefined;
  }

  /** Milliseconds since the server was lost; 0 when it is not. */
  get awayFor(): number {
    return this.#outage ? performance.now() - this.#outage.since : 0;
  }

  /** Waits so long at most until the server can be reached, and answers whether it can. */
  async backWithin(time: number, signal?: AbortSignal): Promise<boolean> {
    if (!this.#outage) return true;
    const waiting = new AbortController();
    const signals = [waiting.signal, this.#closing.signal, ...(signal ? [signal] : [])];
    const patience = sleep(time, undefined, { signal: AbortSignal.any(signals) }).catch(() => {});
    await Promise.race([this.#outage.over.promise, patience]);
    waiting.abort();
    return this.reachable;
  }

  /** A call with one answer. @throws Unanswered, and what the client throws */
  ask<T>(call: (client: Client, appends: AppendStream) => Promise<T>): Promise<T> {
    return this.#attempt(({ client, appends }) => call(client, appends));
  }

  /** Reads until the end, or until `take` answers false. @throws Unanswered, and what the client throws */
  async read(open: Open, take: (event: ResolvedEvent) => boolean, options: ReadOptions = {}): Promise<void> {
    let stream: StreamingRead<ResolvedEvent> | undefined;
    let ended = false;
    try {
      await this.#attempt(({ client }, watched) => {
        const opened = open(client);
        stream = opened;
        return new Promise<void>((resolve, reject) => {
          opened.on('error', reject);
          opened.on('end', () => {
            ended = true;
            resolve();
          });
          opened.on('data', (event: ResolvedEvent) => {
            watched.heard();
            if (!take(event)) resolve();
          });
        });
      }, options);
    } finally {
      // Leaving a read stream alone would leave its call open.
      if (!ended)
        stream
          ?.pause()
          .cancel()
          .catch(() => {});
    }
  }

  /** The client to subscribe with: a subscription outlives single answers, and is watched by who keeps it. */
  async subscribing(): Promise<Client> {
    return (await this.#line).client;
  }

  /** Ends what is still under way. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#outage?.over.resolve();
    await releaseLine(await this.#line, new StoreUnavailable('not_written'));
  }

  async #attempt<T>(call: (line: Line, watched: Watched) => Promise<T>, options: ReadOptions = {}): Promise<T> {
    const { evenWhenAway = false, timeoutMs = this.#options.answerWithin } = options;
    const line = await this.#line;
    if (this.#closing.signal.aborted) throw new StoreUnavailable('not_written');
    // A line that broke is often back at once; behind that, no caller is made to wait for what a frozen server would not answer.
    if (this.#outage && !evenWhenAway) {
      const { cause } = this.#outage;
      if (!(await this.backWithin(Math.max(0, GRACE_MS - this.awayFor)))) throw new StoreUnavailable('not_written', cause);
      return this.#attempt(call, options);
    }
    const failed = Promise.withResolvers<never>();
    const watched = this.#watch.begin(timeoutMs, () => {
      failed.reject(new Unanswered('no answer came'));
      this.#replace(line);
    });
    line.calls.add(failed.reject);
    try {
      const answer = await Promise.race([call(line, watched), failed.promise]);
      this.#hasAnswered = true;
      return answer;
    } catch (error) {
      if (isPassing(error)) this.lost(error);
      throw error;
    } finally {
      watched.end();
      line.calls.delete(failed.reject);
    }
  }

  /** What goes on on this client gets no answers: it is cut off, and the next call has a new one. */
  #replace(line: Line): void {
    if (line !== this.#current || this.#closing.signal.aborted) return;
    this.#current = openLine(this.#options.url);
    this.#line = releaseLine(line, new Unanswered('no answer came')).then(() => this.#current);
  }

  /** The server may be away, or not be the one that it was. */
  lost(cause: unknown): void {
    if (this.#outage || this.#closing.signal.aborted) return;
    this.#outage = { since: performance.now(), cause, over: Promise.withResolvers() };
    const hint = this.#hasAnswered ? '' : `. ${tlsHint(this.#options.url)}`;
    this.#options.log(`EventStoreDB cannot be reached: ${reasonOf(cause)}${hint}`);
    void this.#lookOut(this.#outage);
  }

  #found(): void {
    if (!this.#outage) return;
    this.#options.log(`EventStoreDB answers again after ${(this.awayFor / 1_000).toFixed(1)} s`);
    this.#outage.over.resolve();
    this.#outage = undefined;
  }

  async #answers(last: Open): Promise<boolean> {
    const reading: Pick<Connection, 'read'> = { read: (open, take, options) => this.read(open, take, { ...options, evenWhenAway: true }) };
    try {
      await reading.read(last, () => true);
      return (await this.#options.mayGoOn?.(reading)) ?? true;
    } catch (error) {
      // A server that refuses to be read has answered; its callers receive the reason.
      return !isPassing(error) && !(error instanceof StoreUnavailable);
    }
  }

  /** Asks for something small again and again until there is an answer. */
  async #lookOut(outage: Outage): Promise<void> {
    for (let pause = 50; this.#outage === outage; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal }).catch(() => {});
      if (this.#closing.signal.aborted) return;
      const last: Open = (client) => client.readAll({ ...fromLeader, direction: 'backwards', fromPosition: 'end', maxCount: 1 });
      if (await this.#answers(last)) this.#found();
    }
  }
}

/** A server that expects TLS and one that knows none both look like one that is away: the client reports no more than a failure to connect. */
function tlsHint(url: string): string {
  const isPlain = /[?&]tls=false\b/i.test(url);
  return isPlain
    ? 'EVENTSTORE_URL has tls=false: if the server expects TLS, remove that, and give tlsCAFile where its certificate is of a CA of your own'
    : 'EVENTSTORE_URL asks for TLS: if the server has none (--insecure), add tls=false; tlsCAFile names the CA of its certificate';
}
