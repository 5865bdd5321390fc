import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient, type ResolvedEvent, type StreamingRead } from '@eventstore/db-client';
import { StoreUnavailable } from '../event-store.ts';
import { isPassing, reasonOf, Unanswered } from './failures.ts';
import { Watch, type Watched } from './watch.ts';

export type Client = EventStoreDBClient;

export interface ConnectionOptions {
  url: string;
  /** Milliseconds without a sign of life after which a call is given up and the connection replaced. */
  answerWithin: number;
  log: (line: string) => void;
}

interface Outage {
  since: number;
  cause: unknown;
  over: PromiseWithResolvers<void>;
}

const LONGEST_PAUSE = 1_000;
const RELEASE_WITHIN = 500;

/** In a cluster, answers must be the leader's: a follower may not know yet what was acknowledged. */
export const fromLeader = { requiresLeader: true } as const;

/**
 * The one client of this process, for the vendor's module keeps one table of pending appends for all clients: where a second one loses
 * its connection, the first one's appends fail with it. Knows whether the server can be reached, and replaces a client that gets no answers.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #watch = new Watch();
  readonly #closing = new AbortController();
  #client: Promise<Client>;
  #current: Client;
  #outage: Outage | undefined;

  /** Does not wait for the server. @throws Error when the connection string is not well formed */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#current = connect(options.url);
    this.#client = Promise.resolve(this.#current);
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
  ask<T>(call: (client: Client) => Promise<T>): Promise<T> {
    return this.#attempt(call);
  }

  /** Reads until the end, or until `take` answers false. @throws Unanswered, and what the client throws */
  async read(open: (client: Client) => StreamingRead<ResolvedEvent>, take: (event: ResolvedEvent) => boolean): Promise<void> {
    let stream: StreamingRead<ResolvedEvent> | undefined;
    let ended = false;
    try {
      await this.#attempt((client, watched) => {
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
      });
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
  subscribing(): Promise<Client> {
    return this.#client;
  }

  /** What goes on on this client gets no answers: it is cut off, and the next call has a new one. */
  replace(client: Client): void {
    if (client !== this.#current || this.#closing.signal.aborted) return;
    this.#current = connect(this.#options.url);
    // The old one first: letting go of its stream of appends clears the table that all clients share.
    this.#client = release(client).then(() => this.#current);
  }

  /** Ends what is still under way. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#outage?.over.resolve();
    await release(await this.#client);
  }

  async #attempt<T>(call: (client: Client, watched: Watched) => Promise<T>): Promise<T> {
    const client = await this.#client;
    if (this.#closing.signal.aborted) throw new StoreUnavailable('not_written');
    const silence = Promise.withResolvers<never>();
    const watched = this.#watch.begin(this.#options.answerWithin, () => silence.reject(new Unanswered('no answer came')));
    try {
      const answer = await Promise.race([call(client, watched), silence.promise]);
      this.#found();
      return answer;
    } catch (error) {
      if (error instanceof Unanswered) this.replace(client);
      if (isPassing(error)) this.#lost(error);
      else this.#found();
      throw error;
    } finally {
      watched.end();
    }
  }

  #lost(cause: unknown): void {
    if (this.#outage || this.#closing.signal.aborted) return;
    this.#outage = { since: performance.now(), cause, over: Promise.withResolvers() };
    this.#options.log(`EventStoreDB cannot be reached: ${reasonOf(cause)}`);
    void this.#lookOut(this.#outage);
  }

  #found(): void {
    if (!this.#outage) return;
    this.#options.log(`EventStoreDB answers again after ${(this.awayFor / 1_000).toFixed(1)} s`);
    this.#outage.over.resolve();
    this.#outage = undefined;
  }

  /** Asks for something small again and again until there is an answer. */
  async #lookOut(outage: Outage): Promise<void> {
    for (let pause = 50; this.#outage === outage; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal }).catch(() => {});
      if (this.#closing.signal.aborted) return;
      const last = (client: Client) => client.readAll({ ...fromLeader, direction: 'backwards', fromPosition: 'end', maxCount: 1 });
      await this.read(last, () => true).catch(() => {});
    }
  }
}

function connect(url: string): Client {
  // KurrentDB is the later name of the same server; the client knows its first one.
  const address = url.replace(/^kurrentdb(?=\+|:)/, 'esdb');
  // The client answers a wrong revision rightly only when it throws it.
  const setting = `${address.includes('?') ? '&' : '?'}throwOnAppendFailure=true`;
  try {
    return EventStoreDBClient.connectionString(address + setting);
  } catch {
    // The client's own message may quote the password.
    throw new Error('The connection string of EventStoreDB is not well formed');
  }
}

/** `dispose` ends the streams of a client; its channel, and with it the socket, it leaves open. */
async function release(client: Client): Promise<void> {
  await Promise.race([client.dispose(), sleep(RELEASE_WITHIN, undefined, { ref: false })]);
  const { getChannel } = client as unknown as { getChannel(): Promise<{ close(): void }> };
  getChannel().then(
    (channel) => channel.close(),
    () => {},
  );
}
