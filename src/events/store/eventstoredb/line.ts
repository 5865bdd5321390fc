import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient } from '@eventstore/db-client';
import { AppendStream } from './append-stream.ts';

/** A client, and what is under way on it. */
export interface Line {
  client: EventStoreDBClient;
  appends: AppendStream;
  /** How to fail each call that is waited for. */
  calls: Set<(error: Error) => void>;
}

const RELEASE_WITHIN = 500;

/** Does not wait for the server. @throws Error when the connection string is not well formed */
export function openLine(url: string): Line {
  // KurrentDB is the later name of the same server; the client knows its first one.
  const address = url.replace(/^kurrentdb(?=\+|:)/, 'esdb');
  try {
    const client = EventStoreDBClient.connectionString(address);
    return { client, appends: new AppendStream(client), calls: new Set() };
  } catch {
    // The client's own message may quote the password.
    throw new Error('The connection string of EventStoreDB is not well formed');
  }
}

/**
 * Ends everything on a client. Those who wait are told first, for a read that is ended from here looks to its reader like one that has come
 * to its end. `dispose` ends the streams of a client; its channel, and with it the socket, it leaves open.
 */
export async function releaseLine({ client, calls }: Line, reason: Error): Promise<void> {
  for (const fail of calls) fail(reason);
  await Promise.race([client.dispose(), sleep(RELEASE_WITHIN, undefined, { ref: false })]);
  const { getChannel } = client as unknown as { getChannel(): Promise<{ close(): void }> };
  getChannel().then(
    (channel) => channel.close(),
    () => {},
  );
}
