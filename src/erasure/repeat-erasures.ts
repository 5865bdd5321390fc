import { v7 as uuidv7 } from 'uuid';
import { system } from '../accounts/account-call.ts';
import type { Erasures } from '../accounts/erasures.ts';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { EventStore } from '../events/store/event-store.ts';
import { userStream } from '../events/user/user-events.ts';

/** Somebody who is erased, as is known from elsewhere than the accounts. */
export interface Erased {
  user_id: string;
  transfer_to: string | null;
}

export interface RepeatParts {
  erasures: Pick<Erasures, 'notErased' | 'repeat' | 'reopen'>;
  vault: Pick<KeyVault, 'destroyOfPerson' | 'keptOf'>;
  store: Pick<EventStore, 'readStream'>;
}

/**
 * Erases those again whose erasure this database does not know, because it is older than that, and those whose key is back.
 * What is left of it is then to be claimed. @returns who they are
 */
export async function repeatErasures(known: readonly Erased[], { erasures, vault, store }: RepeatParts): Promise<string[]> {
  const ids = known.map(({ user_id }) => user_id);
  const unknown = new Set(await erasures.notErased(ids));
  for (const { user_id: userId, transfer_to: transferTo } of known) {
    if (!unknown.has(userId)) continue;
    const events = await store.readStream(userStream(userId));
    const said = (wanted: string) => events.some(({ type }) => type === wanted);
    const call = { operationId: uuidv7(), requestId: 'erasure-again' };
    await erasures.repeat(
      { userId, transferTo, by: system, call },
      { requested: said('UserErasureRequested'), erased: said('UserErased'), logRevision: events.at(-1)?.revision ?? -1 },
    );
  }
  const kept = await vault.keptOf(ids);
  for (const userId of kept) await vault.destroyOfPerson(userId);
  const all = [...new Set([...unknown, ...kept])];
  await erasures.reopen(all);
  return all;
}
