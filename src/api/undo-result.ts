import { z } from 'zod';
import type { Caller } from '../accounts/caller.ts';
import type { TaskNow } from '../commands/tasks.ts';
import type { RecordedTaskEvent } from '../events/recorded-event.ts';
import { fieldChanges } from '../events/task/changes.ts';
import { changesSeen, shareReader } from '../events/task/shares-seen.ts';
import type { Job } from '../platform/jobs/job-table.ts';
import { Rejection } from '../rejection.ts';
import { eventInTheWay } from './revision-mismatch.ts';
import type { TaskReads } from './task-reads.ts';
import { UndoJob } from './undo-job.ts';
import type { People } from './views/person-view.ts';
import { KeptUndo, type UndoResultView } from './views/undo-view.ts';

const Parts = z.array(z.array(KeptUndo)).transform((parts) => parts.flat());

type Read = TaskNow & { events: readonly RecordedTaskEvent[] };

export interface UndoResultDependencies {
  tasks: Pick<TaskReads, 'history'>;
  people(ids: readonly string[]): Promise<People>;
}

/** What a job has undone, task by task, as the reader may see it now: changes of a task that they no longer see are left out. */
export async function* undoResults({ tasks, people }: UndoResultDependencies, job: Job, reader: Caller): AsyncGenerator<UndoResultView> {
  const { operationId } = UndoJob.parse(job.data);
  for (const one of Parts.parse(job.parts)) {
    const from = one.made?.[0] ?? (one.conflict && Math.min(...one.conflict)) ?? 0;
    const says = one.success || one.conflict !== undefined;
    const read = says ? await tasks.history(one.task_id, reader, { deleted: true, from }).catch(absent) : null;
    yield resultOf(one, operationId, read, reader, people);
  }
}

async function resultOf(
  { task_id, success, code, left, conflict }: KeptUndo,
  operationId: string,
  read: Read | null,
  reader: Caller,
  people: UndoResultDependencies['people'],
): Promise<UndoResultView> {
  const events = read?.events ?? [];
  // Also those of an attempt that was interrupted: the next one found them done.
  const made = events.filter(({ metadata }) => metadata.operation_id === operationId);
  const allChanges = made.flatMap((event) => fieldChanges(event));
  const changes = read === null ? [] : changesSeen(allChanges, shareReader(read.task, reader));
  const whatIsLeft = left !== undefined && { left };
  if (success) return { task_id, success, changes, ...whatIsLeft };
  const inTheWay = events.filter(({ revision }) => conflict?.includes(revision));
  const named = await people([...new Set(inTheWay.map(({ metadata }) => metadata.actor.id))]);
  return {
    task_id,
    success,
    changes,
    ...(code !== undefined && { code }),
    ...(read !== null && conflict && { conflict: inTheWay.map((event) => eventInTheWay(event, named, shareReader(read.task, reader))) }),
    ...whatIsLeft,
  };
}

function absent(error: unknown): null {
  if (error instanceof Rejection) return null;
  throw error;
}
