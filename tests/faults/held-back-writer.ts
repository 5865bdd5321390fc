import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '../../src/events/store/event-store.ts';
import { createEventStoreDb } from '../../src/events/store/eventstoredb/eventstoredb-event-store.ts';
import { anEvent, append, aStream } from '../contract/events.ts';

// A process that appends more at once than a connection holds that is read by nobody. A rejection that nobody handles would end it.

const store = await createEventStoreDb({ url: process.argv[2] ?? '', saveKeys: async () => {}, log: () => {} });
const large = Buffer.alloc(60_000);
process.stdout.write('ready\n');
await sleep(200);
await Promise.all(Array.from({ length: 400 }, write));
process.stdout.write('400 written\n');
await store.close();

async function write(): Promise<void> {
  const wanted = append(aStream('task'), 'no_stream', anEvent(large));
  for (;;) {
    try {
      await store.append(wanted);
      return;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await sleep(50);
    }
  }
}
