import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import { type Permission, permissionOf } from '../../events/task/permission.ts';
import type { Task } from '../../events/task/task.ts';
import { doneStatus } from '../../events/task/workflow.ts';
import { Id, Priority, Status } from '../../events/values.ts';
import { today } from '../days.ts';
import { type People, PersonView, personIn } from './person-view.ts';

const Time = z.iso.datetime({ precision: 3 });

export const TaskView = z
  .strictObject({
    id: Id,
    title: z.string(),
    description: z.string(),
    status: Status,
    priority: Priority,
    tags: z.array(z.string()),
    due_date: z.iso.date().nullable(),
    completed: z.boolean(),
    completed_at: Time.nullable(),
    overdue: z.boolean().meta({ description: "Due before today, by the caller's time zone, and neither done nor cancelled." }),
    owner: PersonView,
    assignee: PersonView.nullable(),
    permission: z
      .enum(['view', 'edit', 'owner', 'admin'])
      .nullable()
      .meta({ description: "The caller's permission on the task; null only after the command that took the last one away." }),
    share_count: z.int(),
    comment_count: z.int(),
    file_count: z.int(),
    created_at: Time,
    updated_at: Time,
    deleted_at: Time.nullable(),
    revision: z.int(),
  })
  .meta({ id: 'Task' });
export type TaskView = z.output<typeof TaskView>;

/** A moment of the past. */
export interface Then {
  at: Date;
  permission: Permission;
}

/** The people whose names the view of a task shows. */
export function peopleOn(task: Task): string[] {
  return task.assigneeId === null ? [task.ownerId] : [task.ownerId, task.assigneeId];
}

/** @param then for a task of the past: when that was, and the permission that the caller has today */
export function taskView(task: Task, revision: number, caller: Caller, people: People, then?: Then): TaskView {
  return {
    id: task.id,
    title: task.title,
    description: task.description,
    status: task.status,
    priority: task.priority,
    tags: [...task.tags],
    due_date: task.dueDate,
    completed: task.status === doneStatus,
    completed_at: task.completedAt,
    overdue: isOverdue(task, caller.timezone, then?.at),
    owner: personIn(people, task.ownerId),
    assignee: task.assigneeId === null ? null : personIn(people, task.assigneeId),
    // A command may have cost the caller their access; what it did is theirs to know.
    permission: then ? then.permission : permissionOf(task, caller),
    share_count: task.shares.size,
    comment_count: task.commentCount,
    file_count: task.fileCount,
    created_at: task.createdAt,
    updated_at: task.updatedAt,
    deleted_at: task.deletedAt,
    revision,
  };
}

function isOverdue(task: Task, timezone: string, at = new Date()): boolean {
  if (task.dueDate === null || task.status === doneStatus || task.status === 'cancelled') return false;
  return task.dueDate < today(timezone, at);
}
