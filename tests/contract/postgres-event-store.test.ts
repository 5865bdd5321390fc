import { eventStoreContract } from './event-store-contract.ts';
import { postgresHarness } from './postgres-harness.ts';

eventStoreContract('the PostgreSQL event store', postgresHarness);
