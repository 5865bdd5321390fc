import type { AddressProofs } from '../accounts/address-proofs.ts';
import { type MailedKind, mailedKinds, type PreferenceStore } from '../accounts/preferences.ts';
import { type RecordedTaskEvent, subjectId } from '../events/recorded-event.ts';
import { commentVersions } from '../events/task/comments.ts';
import type { Task } from '../events/task/task.ts';
import type { Mail } from '../platform/mail/mailer.ts';
import type { MailOutbox } from '../platform/mail/outbox.ts';
import type { QueuedMail } from '../platform/mail/outbox-table.ts';
import type { DueTask } from './due-soon.ts';
import { quietUntil } from './local-time.ts';
import type { MailContent, MailedTask } from './mail-templates.ts';
import { type ComposeMail, verifiedAddress } from './mails.ts';

/** A task as it is now, and its events from the one that is told. */
export interface TaskSince {
  task: Task;
  events: readonly RecordedTaskEvent[];
}

/** What a mail says, and of whom it speaks. */
interface TaskMail {
  content: MailContent;
  concerns: readonly string[];
}

export interface TaskMailsParts {
  outbox: Pick<MailOutbox, 'define'>;
  compose: ComposeMail;
  proofs: Pick<AddressProofs, 'recipient'>;
  preferences: Pick<PreferenceStore, 'read'>;
  /** Null for who may not see it of their own; a deleted task is seen by its owner. */
  taskSince(taskId: string, userId: string, revision: number): Promise<TaskSince | null>;
  /** What somebody is called, however they are. */
  nameOf(userId: string): Promise<string>;
  /** What is due that day or the next, and still open. */
  dueTasks(people: readonly { userId: string; day: string }[]): Promise<readonly DueTask[]>;
  clock: () => Date;
}

type TaskMailKind = Extract<MailContent, { task: unknown }>['kind'];

const ofEvents: readonly TaskMailKind[] = [
  'task_shared_with_me',
  'task_assigned_to_me',
  'task_completed',
  'task_deleted',
  'comment_on_my_task',
  'mentioned',
];

/**
 * Mails about tasks, to people who want them, when they want them. What they say is looked up in the log when they are sent: who may not
 * see the task by then is told nothing, and what was erased is not in them.
 */
export function defineTaskMails(parts: TaskMailsParts): void {
  const { outbox, compose } = parts;
  const define = (kind: TaskMailKind | 'task_due_soon', contentOf: (queued: QueuedMail) => Promise<TaskMail | null>) =>
    outbox.define(kind, async (queued): Promise<Mail | null | Date> => {
      const to = await wanting(parts, queued);
      if (to === null || to instanceof Date) return to;
      const mail = await contentOf(queued);
      return mail && compose(queued, to, mail.content, mail.concerns);
    });
  for (const kind of ofEvents) define(kind, (queued) => ofEvent(parts, kind, queued));
  define('task_due_soon', (queued) => ofDueTasks(parts, queued));
}

/** The address of whoever wants this mail now; when it will be wanted; or null. */
async function wanting({ proofs, preferences, clock }: TaskMailsParts, { kind, userId }: QueuedMail): Promise<string | Date | null> {
  const to = await verifiedAddress(proofs, userId);
  const wishes = to === null ? null : await preferences.read(userId!);
  if (!wishes?.emailEnabled || (isMailedKind(kind) && !wishes[kind])) return null;
  return (wishes.quietHours && quietUntil(wishes.quietHours, wishes.timezone, clock())) ?? to;
}

function isMailedKind(kind: string): kind is MailedKind {
  return (mailedKinds as readonly string[]).includes(kind);
}

async function ofEvent(parts: TaskMailsParts, kind: TaskMailKind, queued: QueuedMail): Promise<TaskMail | null> {
  const { stream, revision } = queued.about;
  const now = await parts.taskSince(subjectId({ stream: String(stream) }), queued.userId!, Number(revision));
  const event = now?.events[0];
  // In another log, something else may stand there.
  if (!now || event?.metadata.event_id !== queued.sourceId) return null;
  const { actor } = event.metadata;
  const by = actor.kind === 'system' ? 'Tasktrail' : await parts.nameOf(actor.id);
  const content = contentOf(kind, event, now, by, { title: now.task.title });
  const mentioned = now.events.flatMap((one) => ('mentions' in one.data ? mentionsOf(one.data.mentions) : []));
  return content && { content, concerns: [actor.id, now.task.ownerId, ...mentioned] };
}

/** Of a comment, or of a change of one. */
function mentionsOf(mentions: readonly string[] | { from: readonly string[]; to: readonly string[] }): readonly string[] {
  return 'to' in mentions ? mentions.to : mentions;
}

function contentOf(kind: TaskMailKind, event: RecordedTaskEvent, now: TaskSince, by: string, task: MailedTask): MailContent | null {
  const isDeleted = now.task.deletedAt !== null;
  if (kind === 'task_deleted') return isDeleted ? { kind, by, task: { title: task.title } } : null;
  if (isDeleted) return null;
  switch (kind) {
    case 'task_shared_with_me':
      return event.type === 'TaskShared' ? { kind, by, task, permission: event.data.permission } : null;
    case 'task_assigned_to_me':
      return { kind, by, task, as: event.type === 'TaskTransferred' ? 'owner' : 'assignee' };
    case 'task_completed':
      return { kind, by, task };
    case 'comment_on_my_task':
    case 'mentioned':
      return commentMail(kind, event, now, by, task);
  }
}

/** With what the comment says by now; none where it is gone. */
function commentMail(kind: 'comment_on_my_task' | 'mentioned', event: RecordedTaskEvent, now: TaskSince, by: string, task: MailedTask) {
  if (event.type !== 'CommentAdded' && event.type !== 'CommentEdited') return null;
  const id = event.data.comment_id;
  if (now.task.comments.get(id)?.deletedBy !== null) return null;
  return { kind, by, task, comment: commentVersions(now.events, id).at(-1)?.content ?? null };
}

async function ofDueTasks({ dueTasks }: TaskMailsParts, { userId, about }: QueuedMail): Promise<TaskMail | null> {
  const due = await dueTasks([{ userId: userId!, day: String(about.day) }]);
  const tasks = due.map(({ title, dueDate }) => ({ title, due: dueDate }));
  if (tasks.length === 0) return null;
  return { content: { kind: 'task_due_soon', tasks }, concerns: due.map(({ ownerId }) => ownerId) };
}
