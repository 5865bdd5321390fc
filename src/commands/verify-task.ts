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

/** Computes the hash chain of a task anew, for whoever may see the task, its owner and admins also when it is deleted. */
export type VerifyTask = (taskId: string, reader: Person, knownTask: FindKnownTask) => Promise<TaskVerdict>;

/** What is known of a task elsewhere: only that shows an end that was cut off, or a stream that is gone as a whole. */
export type FindKnownTask = (taskId: string) => Promise<KnownElsewhere | null>;

interface Parts {
  tasks: Pick<Tasks, 'read'>;
  store: Pick<EventStore, 'readStream'>;
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
 * Also answers of events that nobody could read any more: who may see the task is then told by what can still be read of them.
 * @throws Rejection TASK_NOT_FOUND, StoreUnavailable
 */
export function taskVerification({ tasks, store }: Parts): VerifyTask {
  return async (taskId, reader, knownTask) => {
    // What is known before the stream is read must be in it: events are only added.
    const elsewhere = await knownTask(taskId);
    const known = await lastRevision(tasks, taskId, reader).catch(async (error: unknown) => {
      const isGone = elsewhere !== null && (await store.readStream(taskStream(taskId), { limit: 1 })).length === 0;
      if (!isGone) throw error;
      requireReadableElsewhere(elsewhere, reader);
      return -1;
    });
    let task: Task | null = null;
    let link = beginningOfChain;
    const verdict: TaskVerdict = { valid: true, events: 0, firstBadRevision: null, headHash: '' };
    for await (const event of eventsOf(store, taskStream(taskId))) {
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
  };
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
async function lastRevision(tasks: Pick<Tasks, 'read'>, taskId: string, reader: Person): Promise<number | undefined> {
  try {
    return (await tasks.read(taskId, reader, { deleted: true })).revision;
  } catch (error) {
    const isAnswer = error instanceof Rejection || error instanceof StoreUnavailable || error instanceof StoreOverloaded;
    if (isAnswer) throw error;
    return undefined;
  }
}

async function* eventsOf(store: Pick<EventStore, 'readStream'>, stream: string): AsyncGenerator<StoredEvent> {
  for (let from = 0; ; ) {
    const page = await store.readStream(stream, { from, limit: PAGE, foreign: true });
    yield* page;
    if (page.length < PAGE) return;
    await nextTurn();
    from = page.at(-1)!.revision + 1;
  }
}
