import type pg from 'pg';
import type { Sql } from '../accounts/database.ts';
import { type RecordedEvent, type RecordedTaskEvent, subjectId } from '../events/recorded-event.ts';
import { StoreUnavailable } from '../events/store/event-store.ts';
import type { Task } from '../events/task/task.ts';
import { type NewNotification, putInInboxes } from '../notifications/inbox.ts';
import { withinMailLimits } from '../notifications/mail-limits.ts';
import { isEndable, type MailKind } from '../notifications/mail-templates.ts';
import { mailablePeople } from '../notifications/mailable-people.ts';
import { type Notice, needsTask, noticesOf, tells } from '../notifications/notices.ts';
import { type NewMail, queueMails } from '../platform/mail/outbox-table.ts';
import { DatabaseUnavailable, translated } from '../platform/postgres/connection-failure.ts';
import { type Subscriber, Unreachable } from './subscriber.ts';

export interface NotificationsParts {
  /** The task as an event left it. @throws StoreUnavailable, DatabaseUnavailable */
  taskAt(event: RecordedTaskEvent): Promise<Task | null>;
  /** Mails may have been queued, and that is committed. */
  onQueued(): void;
}

/**
 * Tells people what happened, in the transaction of its checkpoint: rows in inboxes, and mails on their way, by ids. An event that comes
 * again finds the rows of its first time. Nobody is told of what was before there was this.
 */
export function notificationSubscriber({ taskAt, onQueued }: NotificationsParts): Subscriber {
  /** What `prepare` has folded for `write`, by event id: the engine handles one group of events at a time. */
  let tasks: ReadonlyMap<string, Task | null> = new Map();
  return {
    name: 'notifications',
    startsAt: 'head',
    prepare: (events) =>
      reachably(async () => {
        tasks = await tasksOf(events, taskAt);
      }),
    write: (events, client) => reachably(() => tell(events, on(client), tasks)),
    written: onQueued,
  };
}

async function reachably(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const cause = translated(error);
    if (cause instanceof StoreUnavailable || cause instanceof DatabaseUnavailable) throw new Unreachable(cause.message, { cause });
    throw error;
  }
}

/** The tasks as those events left them whose notices depend on it. */
async function tasksOf(events: readonly RecordedEvent[], taskAt: NotificationsParts['taskAt']): Promise<Map<string, Task | null>> {
  const tasks = new Map<string, Task | null>();
  for (const event of events) {
    if (tells(event.type) && needsTask(event.type)) tasks.set(event.metadata.event_id, await taskAt(event as RecordedTaskEvent));
  }
  return tasks;
}

interface Told {
  event: RecordedEvent;
  notice: Notice;
}

async function tell(events: readonly RecordedEvent[], sql: Sql, tasks: ReadonlyMap<string, Task | null>): Promise<void> {
  const told: Told[] = [];
  for (const event of events) {
    if (!tells(event.type)) continue;
    told.push(...noticesOf(event, tasks.get(event.metadata.event_id) ?? null).map((notice) => ({ event, notice })));
  }
  if (told.length === 0) return;
  const { active, mailable } = await mailablePeople(sql, [...new Set(told.map(({ notice }) => notice.userId))]);
  const by = (way: 'inbox' | 'mail') => told.filter(({ notice }) => (notice.ways as readonly string[]).includes(way));
  await putInInboxes(
    sql,
    by('inbox')
      .filter(({ notice }) => active.has(notice.userId))
      .map(notificationOf),
  );
  const mails = by('mail')
    .filter(({ notice }) => mailable.has(notice.userId))
    .map(mailOf);
  await queueMails(sql, await withinMailLimits(sql, mails));
}

function notificationOf({ event, notice }: Told): NewNotification {
  const { actor, event_id, occurred_at } = event.metadata;
  return {
    userId: notice.userId,
    kind: notice.kind as NewNotification['kind'],
    sourceId: event_id,
    eventType: event.type,
    taskId: event.stream.startsWith('task-') ? subjectId(event) : null,
    revision: event.revision,
    actorId: actor.kind === 'system' ? null : actor.id,
    details: detailsOf(event),
    at: occurred_at,
  };
}

function mailOf({ event: { stream, revision, metadata }, notice: { kind, userId } }: Told): NewMail {
  const { actor, event_id: sourceId } = metadata;
  const isCounted = isEndable(kind as MailKind) && actor.kind !== 'system' && actor.id !== userId;
  return { kind, sourceId, userId, about: { stream, revision }, ...(isCounted && { causedBy: actor.id }) };
}

/** What it was about besides the task. */
function detailsOf(event: RecordedEvent): Record<string, string> {
  switch (event.type) {
    case 'TaskShared':
      return { permission: event.data.permission };
    case 'TaskSharePermissionChanged':
      return { permission: event.data.permission.to };
    case 'CommentAdded':
    case 'CommentEdited':
    case 'CommentDeleted':
    case 'CommentRestored':
      return { comment_id: event.data.comment_id };
    case 'FileAttached':
    case 'FileDeleted':
      return { file_id: event.data.file_id };
    case 'TaskUnshared':
      return event.data.reason === 'left' ? { user_id: event.data.user_id } : {};
    case 'UserRoleChanged':
      return { role: event.data.role.to };
    case 'WebhookCreated':
    case 'WebhookChanged':
      return { webhook_id: event.data.webhook_id };
    case 'WebhookDisabled':
      return { webhook_id: event.data.webhook_id, reason: event.data.reason };
    default:
      return {};
  }
}

function on(client: pg.ClientBase): Sql {
  return {
    async rows<R>(text: string, values: readonly unknown[] = []) {
      const { rows } = await client.query(text, [...values]);
      return rows as R[];
    },
  };
}
