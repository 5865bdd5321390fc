import { randomUUID } from 'node:crypto';
import { ErrorType } from '@eventstore/db-client';
import { StoreUnavailable } from '../event-store.ts';
import { type Connection, fromLeader } from './connection.ts';
import { isOfType, isPassing, translateReadFailure } from './failures.ts';
import type { Names } from './names.ts';

/** How a log begins. */
export interface LogBeginning {
  id: string;
  begunAt: Date;
}

export interface NewLog {
  /** The identity of a log that has none yet. */
  id?: string;
  /** Called, and awaited, before a log is begun, so that the log is known to the installation that begins it, however that ends. */
  onBegin?: ((id: string) => Promise<void>) | undefined;
}

/**
 * The identity of the log: the id of the one event in a stream of its own, so that it is in every backup of the server. Made by the
 * instance that comes first. @throws StoreUnavailable
 */
export async function logIdentity(
  connection: Connection,
  { logStream }: Names,
  { id = randomUUID(), onBegin }: NewLog = {},
): Promise<string> {
  const found = await readIdentity(connection, logStream);
  if (found !== undefined) return found;
  await onBegin?.(id);
  const event = { id, type: 'LogBegun', metadata: Buffer.alloc(0), data: Buffer.alloc(0) };
  try {
    await connection.ask((_, appends) => appends.append({ stream: logStream, expectedRevision: 'no_stream', events: [event] }));
  } catch (error) {
    if (isPassing(error)) throw new StoreUnavailable('unknown', error);
    // Another instance was quicker: then it is its identity that holds.
    if (!isOfType(error, ErrorType.WRONG_EXPECTED_VERSION)) throw error;
  }
  const made = await readIdentity(connection, logStream);
  if (made === undefined) throw new Error(`Stream ${logStream} cannot be written`);
  return made;
}

/** @returns undefined for a log that has none @throws StoreUnavailable */
export async function readIdentity(connection: Pick<Connection, 'read'>, logStream: string): Promise<string | undefined> {
  return (await readBeginning(connection, logStream))?.id;
}

/** @returns undefined for a log that has none @throws StoreUnavailable */
export async function readBeginning(connection: Pick<Connection, 'read'>, logStream: string): Promise<LogBeginning | undefined> {
  let beginning: LogBeginning | undefined;
  try {
    await connection.read(
      (client) => client.readStream(logStream, { ...fromLeader, maxCount: 1 }),
      ({ event }) => {
        beginning = event && { id: event.id, begunAt: event.created };
        return true;
      },
    );
  } catch (error) {
    if (!isOfType(error, ErrorType.STREAM_NOT_FOUND)) throw translateReadFailure(error);
  }
  return beginning;
}
