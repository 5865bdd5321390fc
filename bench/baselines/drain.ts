import { BEGINNING } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';

// Reads every event there is, by the subscription that a projector has, and does nothing with it. Says the seconds, and ends.

const store = await createPostgresEventStore({ connectionString: process.env.DATABASE_URL!, log: () => {} });
const head = await store.head();
const enough = new AbortController();
const since = performance.now();
for await (const { position } of store.subscribe({ after: BEGINNING, signal: enough.signal })) if (position >= head) enough.abort();
process.send!((performance.now() - since) / 1000);
await store.close();
process.disconnect();
