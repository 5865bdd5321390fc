import fc from 'fast-check';
import { type RecordedTaskEvent, toFact } from '../../src/events/recorded-event.ts';
import { evolve, type Task } from '../../src/events/task/task.ts';
import type { TaskRow } from '../../src/projections/listing/schema.ts';
import { randomHistory } from '../projections/random-history.ts';

export const firstMoment = Date.parse('2026-01-02T03:00:00.000Z');

/** Histories as they happen over some days: each event some hours after the one before, in the order of the log, or with it. */
export const timedHistory = fc
  .tuple(randomHistory, fc.array(fc.constantFrom(0, 1, 5, 17, 40), { minLength: 30, maxLength: 30 }))
  .map(([{ events }, hours]) => {
    let at = firstMoment;
    return events.map((event, n) => {
      at += hours[n % hours.length]! * 3_600_000 + 1;
      return happenedAt(event, new Date(at).toISOString());
    });
  });

/** What was done then was completed then. */
function happenedAt(event: RecordedTaskEvent, occurred_at: string): RecordedTaskEvent {
  const timed = { ...event, metadata: { ...event.metadata, occurred_at } } as RecordedTaskEvent;
  if (timed.type === 'TaskCreated') timed.data = { ...timed.data, completed_at: timed.data.status === 'done' ? occurred_at : null };
  if (timed.type === 'TaskTransitioned') {
    const { status, completed_at } = timed.data;
    timed.data = { ...timed.data, completed_at: { ...completed_at, to: status.to === 'done' ? occurred_at : null } };
  }
  return timed;
}

/** The tasks that these events add up to. */
export function foldTasks(events: readonly RecordedTaskEvent[]): Map<string, { task: Task; revision: number }> {
  const tasks = new Map<string, { task: Task; revision: number }>();
  for (const event of events) {
    const fact = toFact(event);
    const task = evolve(tasks.get(fact.taskId)?.task ?? null, fact);
    if (task) tasks.set(fact.taskId, { task, revision: event.revision });
  }
  return tasks;
}

export function rowOf({ task, revision }: { task: Task; revision: number }): TaskRow {
  return {
    id: task.id,
    title: task.title,
    description: task.description,
    priority: task.priority,
    status: task.status,
    completed_at: task.completedAt,
    due_date: task.dueDate,
    tags: [...task.tags],
    owner_id: task.ownerId,
    assignee_id: task.assigneeId,
    gives_access: task.assignmentGivesAccess,
    shares: Object.fromEntries([...task.shares].map(([id, { permission }]) => [id, permission])),
    comment_count: task.commentCount,
    comments_by_author: commentsByAuthor(task),
    file_count: task.fileCount,
    created_at: task.createdAt,
    updated_at: task.updatedAt,
    deleted_at: task.deletedAt,
    revision,
  };
}

function commentsByAuthor({ comments }: Task): Record<string, number> {
  const standing = [...comments.values()].filter(({ deletedBy }) => deletedBy === null);
  const counts: Record<string, number> = {};
  for (const { authorId } of standing) counts[authorId] = (counts[authorId] ?? 0) + 1;
  return counts;
}

/** Whether somebody may see the task: a deleted one only as its owner. */
export function isVisible(task: Task, userId: string): boolean {
  if (task.deletedAt !== null) return task.ownerId === userId;
  return task.ownerId === userId || task.assigneeId === userId || task.shares.has(userId);
}
