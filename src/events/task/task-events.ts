import { z } from 'zod';
import { authorText, type EventOf, fromTo, nextVersion, taskList, taskText, v1 } from '../event-type.ts';
import { openText } from '../open-text.ts';
import { CommentText, Description, DueDate, FileName, Id, Priority, SharePermission, Status, Tags, Time, Title } from '../values.ts';

const TagsV1 = openText(Tags, 'sealed from version 2 on');
const Size = z.int().nonnegative();
const BlobKey = openText(z.string(), 'made of ids');
const DeletedBy = z.enum(['author', 'owner', 'admin']);

/** What a task was when it was deleted: enough to take it out of every count and index, and to put it back. */
const taskAsItWas = {
  status: Status,
  priority: Priority,
  due_date: DueDate.nullable(),
  owner_id: Id,
  assignee_id: Id.nullable(),
  sharee_ids: z.array(Id),
  comment_count: z.int().nonnegative(),
  file_ids: z.array(Id),
};
const TaskAsItWasV1 = z.strictObject({ ...taskAsItWas, tags: TagsV1 });
/** `gives_access` is true where nobody is assigned. */
const TaskAsItWas = z.strictObject({ ...taskAsItWas, tags: taskList(Tags), gives_access: z.boolean() });

const asItWas = {
  upcast: (data: z.output<typeof TaskAsItWasV1>): TaskAsItWas => ({ ...data, gives_access: true }),
  downcast: ({ gives_access, ...data }: TaskAsItWas) => (gives_access ? data : undefined),
};

const createdFields = {
  title: taskText(Title),
  description: taskText(Description),
  priority: Priority,
  status: Status,
  completed_at: Time.nullable(),
  due_date: DueDate.nullable(),
  owner_id: Id,
  assignee_id: Id.nullable(),
};
const assigneeChange = z.strictObject({ from: Id.nullable(), to: Id });
const deletion = { forced: z.boolean(), reason: z.enum(['command', 'bulk', 'erased']) };

/** For a version that differs in what it seals alone. */
const sameData = { vocabulary: 2, upcast: <D>(data: D): D => data, downcast: <D>(data: D): D => data };

/**
 * What can happen to a task, its shares, comments and files. Never edited once shipped: a new shape is a new schema version with an
 * upcaster. Data holds ids, never people's names.
 */
export const taskEvents = {
  TaskCreated: nextVersion(v1(z.strictObject({ ...createdFields, tags: TagsV1 })), {
    ...sameData,
    data: z.strictObject({ ...createdFields, tags: taskList(Tags) }),
  }),
  TaskEdited: v1(
    z.strictObject({
      changes: z.strictObject({
        title: taskText(fromTo(Title)).optional(),
        description: taskText(fromTo(Description)).optional(),
        priority: fromTo(Priority).optional(),
        due_date: fromTo(DueDate.nullable()).optional(),
      }),
    }),
  ),
  TaskTagsChanged: nextVersion(v1(z.strictObject({ tags: fromTo(TagsV1) })), {
    ...sameData,
    data: z.strictObject({ tags: fromTo(taskList(Tags)) }),
  }),
  TaskTransitioned: v1(
    z.strictObject({ status: fromTo(Status), completed_at: fromTo(Time.nullable()), comment: taskText(CommentText).optional() }),
  ),
  /** From and to are equal where an assignment that stands begins to give access. */
  TaskAssigned: nextVersion(v1(z.strictObject({ assignee_id: assigneeChange })), {
    vocabulary: 2,
    data: z.strictObject({ assignee_id: assigneeChange, gives_access: z.boolean() }),
    upcast: (data) => ({ ...data, gives_access: true }),
    downcast: ({ gives_access, ...data }) => (gives_access ? data : undefined),
  }),
  TaskUnassigned: v1(z.strictObject({ assignee_id: z.strictObject({ from: Id, to: z.null() }), reason: z.enum(['command', 'erased']) })),
  TaskShared: v1(z.strictObject({ user_id: Id, permission: SharePermission })),
  TaskSharePermissionChanged: v1(z.strictObject({ user_id: Id, permission: fromTo(SharePermission) })),
  TaskUnshared: v1(
    z.strictObject({ user_id: Id, permission: SharePermission, reason: z.enum(['revoked', 'left', 'transferred', 'erased']) }),
  ),
  TaskTransferred: v1(z.strictObject({ owner_id: fromTo(Id), kept: SharePermission.nullable(), reason: z.enum(['command', 'erased']) })),
  TaskDeleted: nextVersion(v1(z.strictObject({ ...deletion, last: TaskAsItWasV1 })), {
    vocabulary: 2,
    data: z.strictObject({ ...deletion, last: TaskAsItWas }),
    upcast: (data) => ({ ...data, last: asItWas.upcast(data.last) }),
    downcast(data) {
      const last = asItWas.downcast(data.last);
      return last && { ...data, last };
    },
  }),
  TaskRestored: nextVersion(v1(z.strictObject({ restored: TaskAsItWasV1, purged_file_ids: z.array(Id) })), {
    vocabulary: 2,
    data: z.strictObject({ restored: TaskAsItWas, purged_file_ids: z.array(Id) }),
    upcast: (data) => ({ ...data, restored: asItWas.upcast(data.restored) }),
    downcast(data) {
      const restored = asItWas.downcast(data.restored);
      return restored && { ...data, restored };
    },
  }),
  CommentAdded: v1(z.strictObject({ comment_id: Id, content: authorText(CommentText), mentions: z.array(Id) })),
  CommentEdited: v1(
    z.strictObject({ comment_id: Id, author_id: Id, content: authorText(fromTo(CommentText)), mentions: fromTo(z.array(Id)) }),
  ),
  CommentDeleted: v1(z.strictObject({ comment_id: Id, author_id: Id, by: DeletedBy })),
  CommentRestored: v1(z.strictObject({ comment_id: Id, author_id: Id, by: DeletedBy })),
  FileAttached: v1(
    z.strictObject({
      file_id: Id,
      name: taskText(FileName),
      size: Size,
      content_type: openText(z.string(), 'one of a few types, found by the content'),
      sha256: openText(z.string(), 'a digest'),
      blob_key: BlobKey,
    }),
  ),
  FileDeleted: v1(z.strictObject({ file_id: Id, size: Size, blob_key: BlobKey })),
  FilesPurged: v1(z.strictObject({ file_ids: z.array(Id).min(1) })),
};

export type TaskEvent = EventOf<typeof taskEvents>;
export type TaskEventType = TaskEvent['type'];
export type TaskAsItWas = z.output<typeof TaskAsItWas>;

export function taskStream(taskId: string): string {
  return `task-${taskId}`;
}
