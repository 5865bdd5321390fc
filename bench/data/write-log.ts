import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { FromWriter, ToWriter } from './log-writer.ts';
import { partsOf, type Story } from './story.ts';

/**
 * Writes a made-up log by the store's own import, from several processes, and answers how many events it has. The people's accounts and
 * data keys come first, see `makePeople`. The same story makes the same log, but for what sealing adds: keys, boxes, and so hashes.
 */
export async function writeLog(story: Story, connectionString: string, masterKey: string): Promise<number> {
  const parts = partsOf(story);
  if (parts === 0) return 0;
  const writers = Array.from({ length: Math.min(parts, Math.max(2, availableParallelism())) }, () =>
    fork(join(import.meta.dirname, 'log-writer.ts')),
  );
  try {
    return await share(writers, parts, (writer) => send(writer, { story, connectionString, masterKey }));
  } finally {
    for (const writer of writers) if (writer.connected) writer.disconnect();
    await Promise.all(writers.map((writer) => writer.exitCode ?? writer.signalCode ?? once(writer, 'exit')));
  }
}

/** Hands the parts out as the writers are free for them; each waits for its turn to write. */
function share(writers: readonly ChildProcess[], parts: number, begin: (writer: ChildProcess) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const told = new Map<number, ChildProcess>();
    let [next, toWrite, events] = [0, 0, 0];
    const goOn = () => {
      const writer = told.get(toWrite);
      if (!writer) return;
      told.delete(toWrite);
      send(writer, { turn: toWrite });
    };
    const handOut = (writer: ChildProcess) => {
      if (next < parts) send(writer, { part: next++ });
    };
    for (const writer of writers) {
      writer.once('exit', (code, signal) => reject(new Error(`A writer of the log ended with ${code ?? signal}`)));
      writer.on('message', (message: FromWriter) => {
        if ('told' in message) told.set(message.told, writer);
        else {
          events += message.events;
          toWrite++;
          handOut(writer);
        }
        if (toWrite === parts) resolve(events);
        else goOn();
      });
      begin(writer);
      handOut(writer);
    }
  });
}

function send(writer: ChildProcess, message: ToWriter): void {
  writer.send(message);
}
