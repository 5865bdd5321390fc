import { BEGINNING } from '../event-store.ts';
import { Connection, fromLeader } from './connection.ts';
import { ForeignEvents } from './foreign-events.ts';
import { logIdentity } from './log-identity.ts';
import { serviceNames as names } from './names.ts';
import { LogReader } from './read-log.ts';

const ANSWER_WITHIN = 10_000;
const PAGE = 1_000;

/**
 * Lets a log without events have the identity of another, whose events are about to be appended to it. No effect on one that has some.
 * To be called before the store is opened. @throws StoreUnavailable
 */
export async function adoptIdentity(url: string, logId: string, log: (line: string) => void): Promise<void> {
  const connection = new Connection({ url, answerWithin: ANSWER_WITHIN, log });
  try {
    if ((await logIdentity(connection, names, { id: logId })) === logId) return;
    if ((await new LogReader({ connection, names, foreign: new ForeignEvents(log) }).all(BEGINNING, PAGE)).length > 0) return;
    // A service that was started here before its log came has left an identity behind. Of a deleted stream, only what follows is read.
    await connection.ask((client) => client.deleteStream(names.logStream, fromLeader));
    await logIdentity(connection, names, { id: logId });
  } finally {
    await connection.close();
  }
}
