import { once } from 'node:events';
import type { EventStore } from '../../src/events/store/event-store.ts';
import { WrongExpectedRevision } from '../../src/events/store/event-store.ts';
import { append, events } from './events.ts';

// One writer of the race, in a process of its own: opens the store, waits for the word, appends to streams that the other writers append
// to as well, and says at the end which events it was told are written.

const [module = '', argument = '', streamNames = '', count = ''] = process.argv.slice(2);
const { openStore } = (await import(module)) as { openStore(argument: string): Promise<EventStore> };
const store = await openStore(argument);
const streams = streamNames.split(',');
const revisions = new Map<string, number>();
const acknowledged: string[] = [];
let left = Number(count);

process.stdout.write('ready\n');
await once(process.stdin, 'data');
await Promise.all(Array.from({ length: 8 }, writer));
await store.close();
process.stdout.write(JSON.stringify(acknowledged));
process.stdin.destroy();

async function writer(): Promise<void> {
  while (left > 0) {
    const added = events(Math.min(left, 1 + Math.floor(Math.random() * 3)));
    left -= added.length;
    await write(streams[Math.floor(Math.random() * streams.length)]!, added);
  }
}

/** Appends on the revision it believes in, and corrects its belief until that is right. */
async function write(stream: string, added: ReturnType<typeof events>): Promise<void> {
  for (;;) {
    try {
      const { revision } = await store.append(append(stream, revisions.get(stream) ?? 'no_stream', ...added));
      revisions.set(stream, Math.max(revision, revisions.get(stream) ?? 0));
      acknowledged.push(...added.map(({ id }) => id));
      return;
    } catch (error) {
      if (!(error instanceof WrongExpectedRevision)) throw error;
      if (error.actual === 'no_stream') revisions.delete(stream);
      else revisions.set(stream, error.actual);
    }
  }
}
