import type pg from 'pg';
import { inTransaction } from '../platform/postgres/transaction.ts';

/** A connection inside the transaction of one batch, with the projection's schema first in its search path. */
export interface ProjectionClient {
  /** Carries a statement out, behind all that were sent before it. */
  readonly query: pg.ClientBase['query'];
  /** Sends a statement that only writes. Resolves when the next may be sent: whether it was carried out shows by the end of the transaction. */
  write(statement: pg.QueryConfig): Promise<unknown>;
  /** Whether rows can be sent by COPY, which no other statement may be sent behind. */
  readonly canCopy: boolean;
}

/** Does all of the work or nothing, in one transaction. */
export type Transaction = (work: (client: ProjectionClient) => Promise<void>) => Promise<void>;

/** Transactions that wait for the answer to each statement, on a connection of which nothing more is asked. */
export function waitingTransactions(client: pg.ClientBase): Transaction {
  return (work) => inTransaction(client, () => work(waiting(client)));
}

export function waiting(client: Pick<pg.ClientBase, 'query'>): ProjectionClient {
  return { query: client.query.bind(client), write: (statement) => client.query(statement), canCopy: true };
}

/**
 * Transactions on a connection in pipeline mode: statements that only write are sent one behind the other, the commit behind them, and
 * their answers are looked at then. When one of them fails, the database carries out none that came behind it, and makes of the commit a
 * rollback.
 */
export function pipelinedTransactions(client: pg.ClientBase): Transaction {
  const query = client.query.bind(client);
  return async (work) => {
    const sent: Promise<unknown>[] = [];
    const send = (statement: pg.QueryConfig) => {
      const answered = client.query(statement);
      // Looked at below.
      answered.catch(() => {});
      sent.push(answered);
    };
    send({ text: 'begin' });
    try {
      await work({ query, write: async (statement) => send(statement), canCopy: false });
      send({ text: 'commit' });
      await Promise.all(sent);
    } catch (error) {
      const failed = (await Promise.allSettled(sent)).find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
      await client.query('rollback').catch(() => {});
      throw isAborted(error) && failed ? failed.reason : error;
    }
  };
}

/** Whether an error tells only that another came before it in the same transaction. */
function isAborted(error: unknown): boolean {
  return (error as { code?: unknown }).code === '25P02';
}
