import type { Accounts } from './accounts/accounts.ts';
import { type Database, databaseOn } from './accounts/database.ts';
import type { Tasks } from './commands/tasks.ts';
import { decodeEvents } from './events/codec.ts';
import type { KeyVault } from './events/keys/key-vault.ts';
import type { EventStore } from './events/store/event-store.ts';
import type { MailService } from './mail.ts';
import { defineAccountMails } from './notifications/account-mails.ts';
import { type DueSoonParts, tellDueSoon } from './notifications/due-soon.ts';
import { createInbox, type Inbox } from './notifications/inbox.ts';
import { defineTaskMails } from './notifications/task-mails.ts';
import { createTaskStates } from './notifications/task-states.ts';
import { startChore } from './platform/chore.ts';
import type { Closing } from './platform/closing.ts';
import type { Logger } from './platform/logging.ts';
import type { QueuedMail } from './platform/mail/outbox-table.ts';
import type { Pools } from './platform/postgres/pools.ts';
import type { Progress } from './projections/progress.ts';
import type { Queries } from './queries/queries.ts';
import { Rejection } from './rejection.ts';
import { notificationSubscriber } from './subscribers/notifications.ts';
import type { Subscriber } from './subscribers/subscriber.ts';

export interface NotificationSideParts {
  pools: Pick<Pools, 'commands' | 'background'>;
  store: EventStore;
  vault: KeyVault;
  tasks: Pick<Tasks, 'history'>;
  accounts: Pick<Accounts, 'addressProofs' | 'preferences' | 'personalTokens' | 'directory'>;
  queries: Pick<Queries, 'dueTasks'>;
  progress: Progress;
  mail: MailService;
  logger: Logger;
  closing: Closing;
}

/** Who is told what, in their inbox and by mail. */
export interface NotificationSide {
  inbox: Inbox;
  /** Follows the log, and tells. */
  subscriber: Subscriber;
}

// Milliseconds.
const MINUTE = 60_000;
const FOLLOW_WITHIN = 3_000;
const RETRY_AFTER = 30_000;
const TIDY_EVERY = 6 * 60 * MINUTE;

/** Says how mails are made, and begins to tell people what is due; the rest is for whoever runs the subscriber and the outbox. */
export function openNotifications(parts: NotificationSideParts): NotificationSide {
  const { pools, queries, store, progress, mail } = parts;
  const database = databaseOn(pools.background);
  defineMails(parts, database);
  const inbox = createInbox(databaseOn(pools.commands));
  const dueSoon: DueSoonParts = {
    database,
    dueTasks: queries.dueTasks,
    async tasksFollow() {
      const follows = await progress.reached('listing', await store.head(), FOLLOW_WITHIN);
      if (!follows) throw new Error('the list of tasks does not follow the log');
    },
    onQueued: mail.outbox.wake,
    clock: () => new Date(),
  };
  keep(parts, 'due soon', MINUTE, (signal) => tellDueSoon(dueSoon, signal));
  keep(parts, 'old notifications', TIDY_EVERY, inbox.tidy);
  return { inbox, subscriber: notificationSubscriber({ taskAt: createTaskStates(parts), onQueued: mail.outbox.wake }) };
}

function keep(
  { pools, logger, closing }: NotificationSideParts,
  name: string,
  every: number,
  work: (signal: AbortSignal) => Promise<void>,
) {
  const log = logger.named('notifications');
  const onFailure = (error: unknown) => log.warn({ error, chore: name }, 'a chore of notifications failed; it is tried again');
  const chore = startChore(pools.background, { name, every, retryAfter: RETRY_AFTER, work, onFailure });
  closing.add(name, () => chore.close());
}

function defineMails({ mail, accounts, queries, tasks, store, vault }: NotificationSideParts, database: Database): void {
  const { addressProofs: proofs, preferences, personalTokens: tokens, directory } = accounts;
  const common = { outbox: mail.outbox, compose: mail.composer(preferences), addresses: mail.addresses, proofs };
  defineAccountMails({
    ...common,
    tokens,
    async webhookUrl(webhookId) {
      const [webhook] = await database.rows<{ url: string }>('select url from webhooks.webhooks where id = $1', [webhookId]);
      return webhook?.url ?? null;
    },
    eventOf: (queued) => eventOf(store, vault, queued),
  });
  defineTaskMails({
    ...common,
    preferences,
    async taskSince(taskId, userId, revision) {
      const reader = { id: userId, isAdmin: false };
      return tasks.history(taskId, reader, { deleted: true, from: revision }).catch((error) => {
        if (error instanceof Rejection && error.code === 'TASK_NOT_FOUND') return null;
        throw error;
      });
    },
    async nameOf(userId) {
      const person = (await directory.people([userId])).get(userId);
      return person?.full_name.trim() || person?.username || 'Somebody';
    },
    dueTasks: queries.dueTasks,
    clock: () => new Date(),
  });
}

async function eventOf(store: EventStore, vault: KeyVault, { sourceId, about: { stream, revision } }: QueuedMail) {
  const stored = await store.readStream(String(stream), { from: Number(revision), limit: 1 });
  const [event] = await decodeEvents(stored, vault);
  // In another log, something else may stand there.
  return event?.metadata.event_id === sourceId ? event : null;
}
