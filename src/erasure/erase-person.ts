import type { Erasure } from '../accounts/erasure.ts';
import type { Erasures } from '../accounts/erasures.ts';
import type { CommandOutcome } from '../commands/command-order.ts';
import { forgetPerson } from '../commands/task/forget-person.ts';
import type { Tasks } from '../commands/tasks.ts';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { EventMetadata } from '../events/metadata.ts';
import type { EventStore } from '../events/store/event-store.ts';
import { taskStream } from '../events/task/task-events.ts';

export interface ErasePersonParts {
  erasures: Erasures;
  vault: Pick<KeyVault, 'destroy' | 'destroyOfPerson'>;
  tasks: Pick<Tasks, 'execute'>;
  store: Pick<EventStore, 'readStream'>;
  /** Every task that the person owns, deleted or not, has a share of or is assigned to, as far as the log went when this was asked. */
  tasksOf(userId: string): Promise<string[]>;
  /** Removes the contents of the files of a task that is deleted. */
  purgeFiles(taskId: string): Promise<void>;
  /** The read models have come as far as the log went when this was asked; those that are stopped are not waited for. */
  readModelsFollow(): Promise<void>;
  /** Has the database's planner forget the values that it took samples of. */
  forgetSamples(): Promise<void>;
  /** Told what was appended. */
  onWritten(personId: string, outcome: CommandOutcome): void;
  /** The person whom tasks were given to is being erased: theirs are to be looked through again. */
  again(userId: string): Promise<void>;
  clock(): Date;
}

export interface Run {
  signal: AbortSignal;
  progress(done: number): Promise<void>;
}

const AT_ONCE = 16;

/**
 * Does what is left to do of somebody's erasure: their key, their tasks with keys and contents, their shares and assignments, and the
 * word in the log that it is done. Every step may be done again: it may end anywhere, and is then begun anew.
 */
export async function erasePerson(parts: ErasePersonParts, userId: string, { signal, progress }: Run): Promise<void> {
  const { erasures, vault } = parts;
  const erasure = await erasures.touch(userId);
  if (erasure === null) return;
  await vault.destroyOfPerson(userId);
  await erasures.announce(userId);
  await erasures.forgetTraces(userId);

  const heirId = await erasures.heirOf(userId);
  const taskIds = await parts.tasksOf(userId);
  for (let next = 0; next < taskIds.length; next += AT_ONCE) {
    signal.throwIfAborted();
    await Promise.all(taskIds.slice(next, next + AT_ONCE).map((taskId) => forgetOn(parts, taskId, erasure, heirId)));
    await erasures.touch(userId);
    await progress((next / taskIds.length) * 0.9);
  }
  await erasures.announce(userId);
  // Whoever was given them may have asked to be erased meanwhile, and their tasks been listed already.
  if (heirId !== null && (await erasures.heirOf(userId)) !== heirId) await parts.again(heirId);

  signal.throwIfAborted();
  await erasures.recordErased(erasure);
  if (!(await erasures.tell(userId))) throw new Error('what happened to the account does not get into the log');
  await parts.readModelsFollow();
  await erasures.markDone(userId);
  await parts.forgetSamples();
}

/** The key goes last: as long as it is there, somebody who comes after finds what is to be done with the task. */
async function forgetOn(
  { tasks, store, vault, purgeFiles, onWritten, clock }: ErasePersonParts,
  taskId: string,
  { userId, operationId, requestId, requestedBy }: Erasure,
  heirId: string | null,
): Promise<void> {
  const actor = { ...requestedBy, isAdmin: true };
  const call = { actor, operationId, requestId, at: clock().toISOString() };
  const outcome = await tasks.execute(taskId, forgetPerson, { personId: userId, heirId }, call);
  onWritten(userId, outcome);
  if (!outcome.task.erased || outcome.task.ownerId !== userId) return;
  await purgeFiles(taskId);
  await vault.destroy(await keysOf(store, taskId), userId);
}

/** Only the first event of a task names the key of its text, all others use the same. */
async function keysOf(store: ErasePersonParts['store'], taskId: string): Promise<readonly string[]> {
  const [first] = await store.readStream(taskStream(taskId), { from: 0, limit: 1 });
  return first ? ((JSON.parse(first.metadata.toString()) as EventMetadata).key_ids ?? []) : [];
}
