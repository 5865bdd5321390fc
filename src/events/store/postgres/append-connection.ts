import type pg from 'pg';
import { appendBatchText, type BatchAnswer } from './batch.ts';
import { type Connection, openConnection } from './connection.ts';

/** The writer could not be reached: surely nothing left this process. */
export class NotConnected extends Error {
  override name = 'NotConnected';
}

const CONNECT_WITHIN = 2_000;

/**
 * The one connection that appends, opened when it is needed. A batch is one call that commits by itself, never a transaction kept open
 * from here, where a frozen process would hold the lock that every writer waits for.
 */
export class AppendConnection {
  readonly #connectionString: string;
  readonly #setUp: string;
  #current: Connection | undefined;

  /** @param answerWithin milliseconds; the server gives a statement up before that, so that its outcome is mostly known. */
  constructor(connectionString: string, answerWithin: number) {
    this.#connectionString = connectionString;
    // The function relies on a fresh snapshot for each of its statements. A server that no longer hears from here ends the session.
    this.#setUp = `set default_transaction_isolation = 'read committed'; set jit = off;
      set statement_timeout = ${Math.ceil(answerWithin * 0.8)}; set tcp_user_timeout = ${answerWithin}`;
  }

  get connected(): boolean {
    return this.#current !== undefined;
  }

  /** Calls event_log.append_batch. After any failure but a refusal the connection is a new one. @throws NotConnected, and what pg throws */
  async append(values: unknown[], answerWithin: number): Promise<BatchAnswer> {
    const connection = this.#current ?? (await this.#open());
    const query = { name: 'append_batch', text: appendBatchText, values, query_timeout: answerWithin };
    const { rows } = await connection.client.query<BatchAnswer>(query as pg.QueryConfig);
    return rows[0]!;
  }

  /** Drops the connection, whatever is under way on it. */
  reset(): void {
    this.#current?.destroy();
    this.#current = undefined;
  }

  async close(): Promise<void> {
    await this.#current?.close();
  }

  async #open(): Promise<Connection> {
    const connection = await openConnection({
      connectionString: this.#connectionString,
      applicationName: 'tasktrail append',
      connectWithin: CONNECT_WITHIN,
      setUp: this.#setUp,
    }).catch((cause) => {
      throw new NotConnected('The event log cannot be reached', { cause });
    });
    this.#current = connection;
    void connection.ended.then(() => {
      if (this.#current === connection) this.#current = undefined;
    });
    return connection;
  }
}
