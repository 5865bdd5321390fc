import { eventStoreContract } from './event-store-contract.ts';
import { eventStoreDbHarness } from './eventstoredb-harness.ts';

eventStoreContract('the EventStoreDB event store', eventStoreDbHarness);
