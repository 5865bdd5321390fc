import { z } from 'zod';
import type { Someone } from '../../commands/task/assign-task.ts';
import type { CreateTask } from '../../commands/task/create-task.ts';
import type { EditTask } from '../../commands/task/edit-task.ts';
import { doneStatus, initialStatus } from '../../events/task/workflow.ts';
import { CommentText, Description, DueDate, isStorable, Priority, Status } from '../../events/values.ts';
import { exclusive } from '../forms.ts';
import { RequestedId } from '../id.ts';
import { Tag } from '../tag.ts';
import { hasVisibleText, notEmpty } from '../visible-text.ts';

const MAX_TAGS = 20;
const MAX_TASKS = 500;

const Title = z
  .string()
  .trim()
  .min(1)
  .max(255)
  .refine(hasVisibleText, notEmpty)
  .refine(isStorable, { error: 'must be well-formed text without NUL characters', params: { code: 'format' } });

/** Tags as they are kept: lower-case, unique and sorted. Zod counts a list before it looks at the items, if its maximum comes first. */
export const Tags = z
  .array(Tag)
  .max(MAX_TAGS)
  .transform((tags) => [...new Set(tags)].sort())
  .meta({ description: `At most ${MAX_TAGS} tags. They are trimmed, lower-cased, made unique and sorted.` });

const notBoth = (body: { status?: unknown; completed?: unknown }) => body.status === undefined || body.completed === undefined;
const oneOfThem = { error: 'is another way to say status: give one of them', path: ['completed'], params: { code: 'conflicts_with' } };

const fields = {
  title: Title,
  description: Description,
  priority: Priority,
  status: Status,
  completed: z.boolean(),
  due_date: DueDate.nullable(),
  tags: Tags,
  assignee_id: RequestedId.nullable(),
};

/** A new task; also a replacement of what a task is. */
export const TaskBody = z
  .strictObject({ ...z.object(fields).partial().shape, title: Title })
  .refine(notBoth, oneOfThem)
  .meta({ id: 'NewTask', ...exclusive(['status', 'completed']) });
export type TaskBody = z.output<typeof TaskBody>;

export const TaskPatch = z
  .strictObject(fields)
  .partial()
  .refine(notBoth, oneOfThem)
  .meta({ id: 'TaskPatch', ...exclusive(['status', 'completed']) });
export type TaskPatch = z.output<typeof TaskPatch>;

export const TransitionBody = z.strictObject({ target_status: Status, comment: CommentText.refine(hasVisibleText, notEmpty).optional() });
export const AssignBody = z.strictObject({ assignee_id: RequestedId.nullable() });
export const TagsBody = z.union([z.strictObject({ tags: Tags }), Tags]);

const bulk = { task_ids: z.array(RequestedId).min(1).max(MAX_TASKS), atomic: z.boolean().optional() };
export const BulkStatusBody = z.strictObject({ ...bulk, target_status: Status });
export const BulkUpdateBody = z.strictObject({ ...bulk, updates: TaskPatch });
export const BulkDeleteBody = z.strictObject(bulk);

export function toCreateTask(body: TaskBody, assignee: Someone | null): CreateTask {
  return {
    title: body.title,
    description: body.description ?? '',
    priority: body.priority ?? 'medium',
    status: body.status ?? (body.completed ? doneStatus : initialStatus),
    dueDate: body.due_date ?? null,
    tags: body.tags ?? [],
    assignee,
  };
}

/** @param assignee as far as the body names one: undefined leaves it as it is */
export function toEditTask(patch: TaskPatch, assignee: Someone | null | undefined): EditTask {
  return {
    ...(patch.title !== undefined && { title: patch.title }),
    ...(patch.description !== undefined && { description: patch.description }),
    ...(patch.priority !== undefined && { priority: patch.priority }),
    ...(patch.due_date !== undefined && { dueDate: patch.due_date }),
    ...(patch.tags !== undefined && { tags: patch.tags }),
    ...(patch.status !== undefined && { status: patch.status }),
    ...(patch.completed !== undefined && { completed: patch.completed }),
    ...(assignee !== undefined && { assignee }),
  };
}

/** What is left out of a replacement becomes a new task's, but for the status and the assignee, which stay. */
export function toReplacement(body: TaskBody, assignee: Someone | null | undefined): EditTask {
  const { status, completed, assignee_id, ...others } = body;
  return toEditTask(
    {
      description: '',
      priority: 'medium',
      due_date: null,
      tags: [],
      ...others,
      ...(status && { status }),
      ...(completed !== undefined && { completed }),
    },
    assignee,
  );
}
