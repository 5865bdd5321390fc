import { setImmediate as nextTurn } from 'node:timers/promises';
import { beginningOfChain, followChain } from '../events/integrity/chain.ts';
import { type EventStore, type StoredEvent, StoreOverloaded, StoreUnavailable } from '../events/store/event-store.ts';
import type { Person } from '../events/task/permission.ts';
import type { Task } from '../events/task/task.ts';
import { taskStream } from '../events/task/task-events.ts';
import { Rejection } from '../rejection.ts';
import { readAnyway } from './read-anyway.ts';
import { requireReadable, taskNotFound } from './task/task-command.ts';
import type { Tasks } from './tasks.ts';

export interface TaskVerdict {
  /** Whether the task's events are those that were written, in their order. */
  valid: boolean;
  /** How many there are. */
  events: number;
  /** Of the first event that is missing, or not what was written; null when all is well. */
  firstBadRevision: number | null;
  /** The hash of the last event, computed anew; empty when there is none. */
  headHash: string;
}

/** What is known of a task elsewhere: only that shows an end that was cut off, or a stream that is gone as a whole. */
export type FindKnownTask = (taskId: string) => Promise<KnownElsewhere | null>;

export interface VerifyTaskDependencies extends Pick<Tasks, 'read'>, Pick<EventStore, 'readStream'> {
  knownTask: FindKnownTask;
}

export interface KnownElsewhere {
  revision: number;
  ownerId: string;
  assigneeId: string | null;
  sharedWith: readonly string[];
  isDeleted: boolean;
}

const PAGE = 1_000;

/**
 * Computes the hash chain of a task, for whoever may see the task, its owner and admins also when it is deleted. Also answers of events that nobody could read any more: who may see the task is then told by what can still be read of them.
 * @throws Rejection TASK_NOT_FOUND, StoreUnavailable
 */
export async function verifyTask(
  { read, readStream, knownTask }: VerifyTaskDependencies,
  taskId: string,
  reader: Person,
): Promise<TaskVerdict> {
  // What is known before the stream is read must be in it: events are only added.
  const elsewhere = await knownTask(taskId);
  const known = await lastRevision(read, taskId, reader).catch(async (error: unknown) => {
    const isGone = elsewhere !== null && (await readStream(taskStream(taskId), { limit: 1 })).length === 0;
    if (!isGone) throw error;
    requireReadableElsewhere(elsewhere, reader);
    return -1;
  });
  let task: Task | null = null;
  let link = beginningOfChain;
  const verdict: TaskVerdict = { valid: true, events: 0, firstBadRevision: null, headHash: '' };
  for await (const event of eventsOf(readStream, taskStream(taskId))) {
    const followed = followChain(link, event);
    // On from what it computed and not from what is carried: so the last hash tells of every change before.
    link = { ...followed.link, hash: followed.hash };
    verdict.events++;
    verdict.headHash = followed.hash;
    verdict.firstBadRevision ??= followed.fault?.revision ?? null;
    if (known === undefined) task = readAnyway(task, event);
  }
  if (known === undefined && !(reader.isAdmin && verdict.events > 0)) requireReadable(task, reader, true);
  const last = Math.max(known ?? -1, elsewhere?.revision ?? -1);
  if (link.revision < last) verdict.firstBadRevision ??= link.revision + 1;
  return { ...verdict, valid: verdict.firstBadRevision === null };
}

/** Of a task whose events are gone, who may see it is told by the read models. @throws Rejection TASK_NOT_FOUND */
function requireReadableElsewhere({ ownerId, assigneeId, sharedWith, isDeleted }: KnownElsewhere, reader: Person): void {
  if (reader.isAdmin || ownerId === reader.id) return;
  if (isDeleted || !(assigneeId === reader.id || sharedWith.includes(reader.id))) throw taskNotFound();
}

/**
 * @returns undefined when the task's events cannot be read
 * @throws Rejection TASK_NOT_FOUND, StoreUnavailable, StoreOverloaded
 */
async function lastRevision(read: Tasks['read'], taskId: string, reader: Person): Promise<number | undefined> {
  try {
    return (await read(taskId, reader, { deleted: true })).revision;
  } catch (error) {
    const isAnswer = error instanceof Rejection || error instanceof StoreUnavailable || error instanceof StoreOverloaded;
    if (isAnswer) throw error;
    return undefined;
  }
}

async function* eventsOf(readStream: EventStore['readStream'], stream: string): AsyncGenerator<StoredEvent> {
  for (let from = 0; ; ) {
    const page = await readStream(stream, { from, limit: PAGE, foreign: true });
    yield* page;
    if (page.length < PAGE) return;
    await nextTurn();
    from = page.at(-1)!.revision + 1;
  }
}
