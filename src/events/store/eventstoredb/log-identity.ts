import { randomUUID } from 'node:crypto';
import { ErrorType } from '@eventstore/db-client';
import { StoreUnavailable } from '../event-store.ts';
import { type Connection, fromLeader } from './connection.ts';
import { isOfType, isPassing, translateReadFailure } from './failures.ts';
import type { Names } from './names.ts';

/**
 * The identity of the log: the id of the one event in a stream of its own, so that it is in every backup of the server. Made by whoever
 * comes first. @param id of a log that has none yet @throws StoreUnavailable
 */
export async function logIdentity(connection: Connection, { logStream }: Names, id: string = randomUUID()): Promise<string> {
  const found = await readIdentity(connection, logStream);
  if (found !== undefined) return found;
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
  let id: string | undefined;
  try {
    await connection.read(
      (client) => client.readStream(logStream, { ...fromLeader, maxCount: 1 }),
      ({ event }) => {
        id = event?.id;
        return true;
      },
    );
  } catch (error) {
    if (!isOfType(error, ErrorType.STREAM_NOT_FOUND)) throw translateReadFailure(error);
  }
  return id;
}
