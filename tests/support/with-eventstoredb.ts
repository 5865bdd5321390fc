import { test } from '@jest/globals';
import { canStartEventStored } from './eventstored.ts';

/** Registers tests that need a server of EventStoreDB; where there is none to be had, one line that says so. */
export function withEventStoreDb(register: () => void, isThere = canStartEventStored): void {
  if (isThere) register();
  else test.skip('not run: there is no `eventstored` on the PATH', () => {});
}
