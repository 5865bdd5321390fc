import { Socket } from 'node:net';
import pg from 'pg';

export interface ConnectionOptions {
  connectionString: string;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Milliseconds until it is given up. */
  connectWithin: number;
  /** Statements that set the session up. */
  setUp: string;
}

const CLOSE_WITHIN = 1_000;

/** A connection outside any pool, that can be torn down even when the other side no longer answers. */
export interface Connection {
  client: pg.Client;
  /** Fulfilled when it is lost or closed. */
  ended: Promise<void>;
  /** Takes leave of the server, or does without when that does not answer. */
  close(): Promise<void>;
  destroy(): void;
}

/** @throws what pg throws; then nothing is left open. */
export async function openConnection({ connectionString, applicationName, connectWithin, setUp }: ConnectionOptions): Promise<Connection> {
  const socket = new Socket();
  const client = new pg.Client({
    connectionString,
    application_name: applicationName,
    connectionTimeoutMillis: connectWithin,
    keepAlive: true,
    stream: () => socket,
  });
  const ended = new Promise<void>((resolve) => client.once('end', resolve));
  // Whoever waits for a query hears of it there; a loss in between is told by `ended`.
  client.on('error', () => socket.destroy());
  try {
    await client.connect();
    await client.query({ text: setUp, query_timeout: connectWithin } as pg.QueryConfig);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const destroy = () => {
    socket.destroy();
  };
  const close = async () => {
    const impatient = setTimeout(destroy, CLOSE_WITHIN);
    await client.end();
    clearTimeout(impatient);
  };
  return { client, ended, close, destroy };
}
