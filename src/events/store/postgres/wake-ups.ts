import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type Connection, openConnection } from './connection.ts';

// Milliseconds.
const HEARTBEAT = 1_000;
/** How often a waiting subscriber looks for itself while the connection is away. */
const POLL = 250;
/** Between two NOTIFYs at least: those who are woken read all there is, so more of them would not make anything sooner. */
const NOTIFY_EVERY = 25;
const FIRST_DELAY = 50;
const LONGEST_DELAY = 2_000;

export interface WakeUpOptions {
  connectionString: string;
  /** Milliseconds to wait for the answer to a query. */
  answerWithin: number;
  log: (line: string) => void;
  /** Called before those who wait are woken because of what another process may have written. */
  onForeign: () => void;
}

/**
 * Tells subscribers that there may be something to read. Those in this process by a function call; those in others by NOTIFY, sent after
 * the commit on a connection of its own, where it costs the appends nothing. The same connection listens, and looks for the head of the
 * log once a second: so a writer that died before its NOTIFY is noticed, and so is a connection that has gone silent.
 */
export class WakeUps {
  readonly #options: WakeUpOptions;
  readonly #closing = new AbortController();
  readonly #supervised: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #count = 0;
  #listening = false;
  /** Written here, and not yet told to other processes. */
  #unsaid = false;
  #interruptPause: () => void = () => {};
  #head: string | undefined;

  constructor(options: WakeUpOptions) {
    this.#options = options;
    this.#supervised = this.#supervise();
  }

  /** Grows with every wake-up. */
  get count(): number {
    return this.#count;
  }

  /** This process has appended. */
  wake(): void {
    this.#wakeHere();
    this.#unsaid = true;
    this.#interruptPause();
  }

  /** Waits until there has been another wake-up than the ones counted before, or until it is time to look without one, or the signal. */
  async next(counted: number, signal: AbortSignal): Promise<void> {
    if (this.#count !== counted || signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    let wake: () => void = () => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
      if (!this.#listening) timer = setTimeout(wake, POLL);
    });
    clearTimeout(timer);
    this.#waiting.delete(wake);
    signal.removeEventListener('abort', wake);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#interruptPause();
    await this.#supervised;
  }

  #wakeForOthers(): void {
    this.#options.onForeign();
    this.#wakeHere();
  }

  #wakeHere(): void {
    this.#count++;
    for (const wake of this.#waiting) wake();
  }

  /** Keeps a connection for as long as the store is open. */
  async #supervise(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      let connection: Connection | undefined;
      try {
        connection = await this.#open();
        if (failures > 0) this.#options.log('event log: listening again for appends of other processes');
        failures = 0;
        await this.#serve(connection);
      } catch (error) {
        if (failures++ === 0)
          this.#options.log(`event log: not listening, polling instead: ${error instanceof Error ? error.message : error}`);
      }
      this.#listening = false;
      connection?.destroy();
      this.#wakeForOthers();
      const delay = Math.min(FIRST_DELAY * 2 ** failures, LONGEST_DELAY) * (0.5 + Math.random() / 2);
      await sleep(delay, undefined, { signal: this.#closing.signal }).catch(() => {});
    }
  }

  async #open(): Promise<Connection> {
    const connection = await openConnection({
      connectionString: this.#options.connectionString,
      applicationName: 'tasktrail wake-ups',
      connectWithin: this.#options.answerWithin,
      // A NOTIFY is not worth waiting for the disk.
      setUp: 'set synchronous_commit = off; listen event_log',
    });
    const { client } = connection;
    client.on('notification', ({ processId }) => {
      if (processId !== (client as unknown as { processID: number }).processID) this.#wakeForOthers();
    });
    return connection;
  }

  async #serve({ client, ended, close }: Connection): Promise<void> {
    void ended.then(() => this.#interruptPause());
    this.#listening = true;
    this.#wakeForOthers();
    while (!this.#closing.signal.aborted) {
      if (!this.#unsaid) await this.#pause(HEARTBEAT);
      if (this.#unsaid) await this.#notify(client);
      else if (!this.#closing.signal.aborted) await this.#lookForHead(client);
    }
    if (this.#unsaid) await this.#notify(client);
    await close();
  }

  async #notify(client: pg.Client): Promise<void> {
    this.#unsaid = false;
    try {
      await client.query({ text: 'notify event_log', query_timeout: this.#options.answerWithin } as pg.QueryConfig);
    } catch (error) {
      this.#unsaid = true;
      throw error;
    }
    await sleep(NOTIFY_EVERY);
  }

  async #lookForHead(client: pg.Client): Promise<void> {
    const text = 'select position from event_log.events order by position desc limit 1';
    const { rows } = await client.query<{ position: string }>({ text, query_timeout: this.#options.answerWithin } as pg.QueryConfig);
    if (rows[0]?.position === this.#head) return;
    this.#head = rows[0]?.position;
    this.#wakeHere();
  }

  async #pause(time: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#interruptPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#interruptPause = () => {};
  }
}
