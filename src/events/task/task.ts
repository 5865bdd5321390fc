import { PersistentMap } from '../../platform/persistent-map.ts';
import type { Priority, SharePermission, Status } from '../values.ts';
import type { TaskEvent } from './task-events.ts';

export interface Share {
  permission: SharePermission;
  sharedAt: string;
  sharedBy: string;
}

export interface CommentState {
  authorId: string;
  createdAt: string;
  /** When its text was last changed; null when it never was. */
  editedAt: string | null;
  mentions: readonly string[];
  /** Who deleted it, while it is deleted. */
  deletedBy: string | null;
}

export interface FileState {
  /** Empty once erased. */
  name: string;
  size: number;
  contentType: string;
  sha256: string;
  uploadedBy: string;
  uploadedAt: string;
  blobKey: string;
  deletedAt: string | null;
  /** Its content is gone. */
  purged: boolean;
}

/** What a task's stream adds up to: all that commands decide on. Comment text and old values stay in the stream. */
export interface Task {
  id: string;
  title: string;
  description: string;
  priority: Priority;
  status: Status;
  completedAt: string | null;
  dueDate: string | null;
  tags: readonly string[];
  ownerId: string;
  assigneeId: string | null;
  /** Whether the assignee may edit because they are assigned; true where nobody is. */
  assignmentGivesAccess: boolean;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
  /** It went with its owner's account: its text is gone for good, and nobody brings it back. */
  erased: boolean;
  /** By the sharee's id. The three maps share their entries with those of the task before the event: none is copied for an event. */
  shares: ReadonlyMap<string, Share>;
  comments: ReadonlyMap<string, CommentState>;
  files: ReadonlyMap<string, FileState>;
  /** How many comments are not deleted. */
  commentCount: number;
  /** How many files are not deleted. */
  fileCount: number;
}

/** An event together with when it happened, whose doing it was and which task it is about. */
export type TaskFact = TaskEvent & { taskId: string; at: string; by: string };

/** What the event made of the task. Never throws: what has happened has happened. */
export function evolve(task: Task | null, fact: TaskFact): Task | null {
  if (fact.type === 'TaskCreated') return created(fact);
  if (task === null) return null;
  return { ...task, ...changed(task, fact), updatedAt: fact.at };
}

const none = PersistentMap.of(new Map<string, never>());

function created({ taskId, at, data }: TaskFact & { type: 'TaskCreated' }): Task {
  return {
    id: taskId,
    title: data.title ?? '',
    description: data.description ?? '',
    priority: data.priority,
    status: data.status,
    completedAt: data.completed_at,
    dueDate: data.due_date,
    tags: data.tags,
    ownerId: data.owner_id,
    assigneeId: data.assignee_id,
    assignmentGivesAccess: true,
    createdAt: at,
    updatedAt: at,
    deletedAt: null,
    erased: false,
    shares: none,
    comments: none,
    files: none,
    commentCount: 0,
    fileCount: 0,
  };
}

function changed(task: Task, fact: Exclude<TaskFact, { type: 'TaskCreated' }>): Partial<Task> {
  switch (fact.type) {
    case 'TaskEdited':
      return edited(task, fact.data.changes);
    case 'TaskTagsChanged':
      return { tags: fact.data.tags.to };
    case 'TaskTransitioned':
      return { status: fact.data.status.to, completedAt: fact.data.completed_at.to };
    case 'TaskAssigned':
      return { assigneeId: fact.data.assignee_id.to, assignmentGivesAccess: fact.data.gives_access };
    case 'TaskUnassigned':
      return { assigneeId: null, assignmentGivesAccess: true };
    case 'TaskShared':
      return { shares: put(task.shares, fact.data.user_id, { permission: fact.data.permission, sharedAt: fact.at, sharedBy: fact.by }) };
    case 'TaskSharePermissionChanged':
      return { shares: revise(task.shares, fact.data.user_id, { permission: fact.data.permission.to }) };
    case 'TaskUnshared':
      return { shares: without(task.shares, fact.data.user_id) };
    case 'TaskTransferred':
      return { ownerId: fact.data.owner_id.to, shares: sharesAfterTransfer(task, fact) };
    case 'TaskDeleted':
      return { deletedAt: fact.at, ...(fact.data.reason === 'erased' && { erased: true, title: '', description: '', tags: [] }) };
    case 'TaskRestored':
      return { deletedAt: null, files: purged(task.files, fact.data.purged_file_ids) };
    case 'CommentAdded':
      return withComments(task, put(task.comments, fact.data.comment_id, commentAdded(fact)), fact.data.comment_id);
    case 'CommentEdited':
      return withComments(
        task,
        revise(task.comments, fact.data.comment_id, { editedAt: fact.at, mentions: fact.data.mentions.to }),
        fact.data.comment_id,
      );
    case 'CommentDeleted':
      return withComments(task, revise(task.comments, fact.data.comment_id, { deletedBy: fact.by }), fact.data.comment_id);
    case 'CommentRestored':
      return withComments(task, revise(task.comments, fact.data.comment_id, { deletedBy: null }), fact.data.comment_id);
    case 'FileAttached':
      return withFiles(task, put(task.files, fact.data.file_id, fileAttached(fact)), fact.data.file_id);
    case 'FileDeleted':
      return withFiles(task, revise(task.files, fact.data.file_id, { deletedAt: fact.at }), fact.data.file_id);
    case 'FilesPurged':
      return { files: purged(task.files, fact.data.file_ids) };
    default:
      return fact satisfies never;
  }
}

function commentAdded({ by, at, data }: TaskFact & { type: 'CommentAdded' }): CommentState {
  return { authorId: by, createdAt: at, editedAt: null, mentions: data.mentions, deletedBy: null };
}

function fileAttached({ by, at, data }: TaskFact & { type: 'FileAttached' }): FileState {
  const { name, size, content_type: contentType, sha256, blob_key: blobKey } = data;
  return { name: name ?? '', size, contentType, sha256, uploadedBy: by, uploadedAt: at, blobKey, deletedAt: null, purged: false };
}

type Changes = Extract<TaskEvent, { type: 'TaskEdited' }>['data']['changes'];

function edited(task: Task, changes: Changes): Partial<Task> {
  return {
    title: changes.title === undefined ? task.title : (changes.title?.to ?? ''),
    description: changes.description === undefined ? task.description : (changes.description?.to ?? ''),
    priority: changes.priority?.to ?? task.priority,
    dueDate: changes.due_date === undefined ? task.dueDate : changes.due_date.to,
  };
}

function sharesAfterTransfer(task: Task, { data, at, by }: TaskFact & { type: 'TaskTransferred' }): Task['shares'] {
  const others = without(task.shares, data.owner_id.to);
  return data.kept === null ? others : put(others, data.owner_id.from, { permission: data.kept, sharedAt: at, sharedBy: by });
}

function purged(files: Task['files'], ids: readonly string[]): Task['files'] {
  return ids.reduce<Task['files']>((all, id) => revise(all, id, { purged: true }), files);
}

/** The comments after an event about one of them, counted without looking at the others. */
function withComments(task: Task, comments: Task['comments'], id: string): Pick<Task, 'comments' | 'commentCount'> {
  const live = (comment?: CommentState) => Number(comment?.deletedBy === null);
  return { comments, commentCount: task.commentCount + live(comments.get(id)) - live(task.comments.get(id)) };
}

function withFiles(task: Task, files: Task['files'], id: string): Pick<Task, 'files' | 'fileCount'> {
  const live = (file?: FileState) => Number(file?.deletedAt === null);
  return { files, fileCount: task.fileCount + live(files.get(id)) - live(task.files.get(id)) };
}

function put<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return PersistentMap.of(map).with(key, value);
}

function revise<V>(map: ReadonlyMap<string, V>, key: string, change: Partial<V>): ReadonlyMap<string, V> {
  const value = map.get(key);
  return value === undefined ? map : put(map, key, { ...value, ...change });
}

function without<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  return PersistentMap.of(map).without(key);
}
