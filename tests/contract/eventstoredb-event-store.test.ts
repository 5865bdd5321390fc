import { canStartEventStored } from '../support/eventstored.ts';
import { withEventStoreDb } from '../support/with-eventstoredb.ts';
import { eventStoreContract } from './event-store-contract.ts';
import { eventStoreDbHarness } from './eventstoredb-harness.ts';

withEventStoreDb(
  () => eventStoreContract('the EventStoreDB event store', eventStoreDbHarness, { killable: canStartEventStored }),
  canStartEventStored || process.env.EVENTSTORE_URL !== undefined,
);
