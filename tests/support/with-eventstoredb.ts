import { expect, test } from '@jest/globals';
import { canStartEventStored } from './eventstored.ts';

/** Whether tests of EventStoreDB are wanted: they are a run of their own, `TEST_STORE=eventstoredb npm test`; faults are always wanted. */
const areWanted = process.env.TEST_STORE === 'eventstoredb' || expect.getState().testPath?.endsWith('.faults.ts');

/** Registers tests that need a server of EventStoreDB; where there is none to be had, or none wanted, one line that says so. */
export function withEventStoreDb(register: () => void, isThere = canStartEventStored): void {
  if (isThere && areWanted) register();
  else test.skip('not run: wanted with TEST_STORE=eventstoredb, and `eventstored` on the PATH', () => {});
}
